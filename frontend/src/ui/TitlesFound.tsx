/** How many titles have the words that are looked for: of those listed here at once, of older ones when the API has said. */
import { titlesFound } from "../actions/textSearch";
import { t } from "../i18n";
import { Told } from "./Said";

export default function TitlesFound({ found }: { found: number }) {
  const state = titlesFound.value;
  return <Told class="hint" text={t(`chat.search.${state === "found" && !found ? "none" : state}`, { n: found })} />;
}
