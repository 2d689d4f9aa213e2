/** The parts of the page, as links, so that each has an address. */
import type { Place } from "../actions/places";
import { t } from "../i18n";
import { area, batchId, current } from "../state";
import { PlaceLink } from "./PlaceLink";

export function Areas() {
  const places: Place[] = [
    { area: "chats", id: current.value },
    { area: "batches", id: batchId.value },
    { area: "docs", id: null },
    { area: "usage", id: null },
    { area: "keys", id: null },
    { area: "prefs", id: null },
  ];
  return (
    <nav class="areas" aria-label={t("area.nav")}>
      {places.map((to) => (
        <PlaceLink key={to.area} to={to} current={area.value === to.area}>
          {t(`area.${to.area}`)}
        </PlaceLink>
      ))}
    </nav>
  );
}
