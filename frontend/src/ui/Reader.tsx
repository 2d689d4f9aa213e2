/** A document's text at a place, over the page: what was found is marked, and more of it comes on either side. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { documentActions } from "../actions/documents";
import { explain } from "../actions/notices";
import { go } from "../actions/places";
import type { Api } from "../api";
import { documents, headings, reading } from "../documents";
import { t } from "../i18n";
import { codePoints } from "../logic/answers";
import { isolated } from "../logic/bidi";
import { headingAt } from "../logic/documents";
import type { TextPlace } from "../logic/textPlace";
import { area } from "../state";
import { Said } from "./Said";
import { placeWords } from "./Sources";
import "../ears.css";
import "../documents.css";

const MORE = 6_000; // characters at once

/** `from`, `to`: what of the text is here, in its own characters. */
interface Here {
  name: string;
  before: string;
  text: string;
  after: string;
  from: number;
  to: number;
  characters: number;
}

function useText(place: TextPlace, api: Api) {
  const actions = useMemo(() => documentActions(api), [api]);
  const here = useSignal<Here | null>(null);
  const trouble = useSignal("");
  const busy = useSignal(false);
  const fetched = async (wanted: TextPlace, put: (found: Awaited<ReturnType<typeof actions.text>>) => void) => {
    if (busy.value) return;
    busy.value = true;
    trouble.value = "";
    try {
      put(await actions.text(wanted));
    } catch (error) {
      trouble.value = explain(error);
    }
    busy.value = false;
  };
  const first = () =>
    fetched(place, ({ filename: name, before, text, after, start, end, characters }) => {
      here.value = { name, before, text, after, from: start - codePoints(before), to: end + codePoints(after), characters };
    });
  const earlier = (now: Here) =>
    fetched({ ...place, start: Math.max(0, now.from - MORE), end: now.from }, ({ before, text, start }) => {
      here.value = { ...now, before: before + text + now.before, from: start - codePoints(before) };
    });
  const later = (now: Here) =>
    fetched({ ...place, start: now.to, end: Math.min(now.characters, now.to + MORE) }, ({ text, after, end }) => {
      here.value = { ...now, after: now.after + text + after, to: end + codePoints(after) };
    });
  return { here, trouble, busy, first, earlier, later };
}

export default function Reader({ api }: { api: Api }) {
  const place = useMemo(() => reading.peek()!, []);
  const sheet = useRef<HTMLDialogElement>(null);
  const text = useRef<HTMLDivElement>(null);
  const { here, trouble, busy, first, earlier, later } = useText(place, api);
  const now = here.value;
  useEffect(() => {
    sheet.current?.showModal();
    void first();
  }, []);
  useEffect(() => {
    if (!now) return;
    text.current?.querySelector("mark")?.scrollIntoView({ block: "center" });
    text.current?.focus({ preventScroll: true });
  }, [now === null]);
  const close = () => {
    reading.value = null;
    if (area.value === "docs") go({ area: "docs", id: null }, true);
  };
  const listed = documents.value?.data.find(({ id }) => id === place.document_id);
  const name = now?.name ?? listed?.filename ?? t("docs.title");
  const where = place.end > 0 ? placeWords(place, listed) : "";
  const heading = place.end > 0 ? headingAt(place.start, headings.value[place.document_id]) : "";
  return (
    <dialog ref={sheet} class="sheet reader" aria-labelledby="reader-title" onClose={close}>
      <div class="reader-head">
        <h2 id="reader-title">{[isolated(name), isolated(heading), where].filter(Boolean).join(", ")}</h2>
        <button type="button" class="quiet" onClick={() => sheet.current?.close()}>
          {t("reader.close")}
        </button>
      </div>
      {trouble.value && (
        <p class="trouble" role="alert">
          {trouble.value}{" "}
          {!now && (
            <button type="button" onClick={() => void first()}>
              {t("app.again")}
            </button>
          )}
        </p>
      )}
      {now && (
        <div class="reader-text" ref={text} role="region" aria-labelledby="reader-title" tabIndex={0}>
          {now.from > 0 && (
            <button type="button" class="quiet" aria-disabled={busy.value} onClick={() => void earlier(now)}>
              {t("reader.earlier")}
            </button>
          )}
          <p>
            {now.before}
            {now.text && <mark>{now.text}</mark>}
            {now.after}
          </p>
          {now.to < now.characters && (
            <button type="button" class="quiet" aria-disabled={busy.value} onClick={() => void later(now)}>
              {t("reader.later")}
            </button>
          )}
        </div>
      )}
      {!now && !trouble.value && <p class="hint">{t("app.loading")}</p>}
      {/* The page's own region cannot be heard while the dialogue is open. */}
      <Said />
    </dialog>
  );
}
