/** The parts of the page, as links, so that each has an address. */
import type { Place } from "../actions/places";
import { t } from "../i18n";
import { area, batchId, current, takesDocuments } from "../state";
import { PlaceLink } from "./PlaceLink";

export function Areas() {
  // Where the deployment takes none it is no part of the page, but for who has its address: what there is can be deleted.
  const documents: Place[] = takesDocuments.value || area.value === "docs" ? [{ area: "docs", id: null }] : [];
  const places: Place[] = [
    { area: "chats", id: current.value },
    { area: "batches", id: batchId.value },
    ...documents,
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
