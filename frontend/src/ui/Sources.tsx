/** Of an answer: the passages of its person's documents that it was given, each a link to its place; or why there are none. */
import { useEffect, useMemo } from "preact/hooks";
import { documentActions } from "../actions/documents";
import type { Api } from "../api";
import { documents, headings } from "../documents";
import { language, t } from "../i18n";
import { isolated } from "../logic/bidi";
import { headingAt, shareOf } from "../logic/documents";
import { percent } from "../logic/format";
import type { Document, Sources as Found } from "../types";
import { ToPlace, type NumberedPlace } from "./Words";
import "../documents.css";

/** Documents that were looked for and not found: nobody asks for the list again because of them. */
const missing = new Set<string>();

/** `page 3`, or how far into its text; empty: nobody knows. */
export function placeWords(place: { page: number; start: number }, document: Document | undefined): string {
  if (place.page > 0) return t("docs.place.page", { n: place.page });
  const share = shareOf(place.start, document);
  if (share === null) return "";
  return share < 0.01 ? t("docs.place.beginning") : t("docs.place.share", { percent: percent(share, language.value) });
}

function One({ place }: { place: NumberedPlace }) {
  const list = documents.value;
  const document = list?.data.find(({ id }) => id === place.document_id);
  const name = document ? isolated(document.filename) : t(list ? "sources.deleted" : "app.loading");
  const heading = document ? headingAt(place.start, headings.value[document.id]) : "";
  const where = [name, isolated(heading), placeWords(place, document)].filter(Boolean).join(", ");
  return (
    <li value={place.number}>
      <span aria-hidden="true">[{place.number}] </span>
      {list && !document ? where : <ToPlace to={place}>{where}</ToPlace>}
    </li>
  );
}

export default function Sources({ sources, api }: { sources: Found; api: Api }) {
  const actions = useMemo(() => documentActions(api), [api]);
  const { found, why } = sources;
  useEffect(() => {
    const cited = found.map((one) => one.document_id);
    const unknown = () => found.filter(({ document_id: id }) => !missing.has(id) && !documents.peek()?.data.some((one) => one.id === id));
    if (unknown().length === 0) return void actions.learnHeadings(cited);
    void actions.refresh().then(() => {
      if (documents.peek()) unknown().forEach((one) => missing.add(one.document_id));
      return actions.learnHeadings(cited);
    });
  }, [found]);
  if (found.length === 0) return why ? <p class="state">{t(`sources.${why}`)}</p> : null;
  return (
    <div class="sources" role="group" aria-label={t("sources.title")}>
      <p class="state">{t("sources.title")}</p>
      <ol>
        {found.map((place) => (
          <One key={place.number} place={place} />
        ))}
      </ol>
    </div>
  );
}
