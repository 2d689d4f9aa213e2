/** The parts of the page, as links, so that each has an address. */
import { go, hashOf, type Place } from "../actions/places";
import { t } from "../i18n";
import { area, batchId, current } from "../state";

export function Areas() {
  const places: Place[] = [
    { area: "chats", id: current.value },
    { area: "batches", id: batchId.value },
    { area: "keys", id: null },
  ];
  return (
    <nav class="areas" aria-label={t("area.nav")}>
      {places.map((to) => (
        <a
          key={to.area}
          href={hashOf(to) || "#"}
          aria-current={area.value === to.area ? "page" : undefined}
          onClick={(event) => {
            event.preventDefault();
            go(to);
          }}
        >
          {t(`area.${to.area}`)}
        </a>
      ))}
    </nav>
  );
}
