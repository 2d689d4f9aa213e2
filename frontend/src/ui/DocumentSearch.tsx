/** Which passages a question would take along. */
import { useSignal } from "@preact/signals";
import { explain } from "../actions/notices";
import type { DocumentActions } from "../actions/documents";
import { documents } from "../documents";
import { t } from "../i18n";
import { isolated } from "../logic/bidi";
import type { PassageList } from "../types";
import { isEnterOfInputMethod } from "./enter";
import { Told } from "./Said";
import { placeWords } from "./Sources";
import { ToPlace } from "./Words";

const MOST_CHARACTERS = 2_000;

function Passage({ one }: { one: PassageList["data"][number] }) {
  const { document_id, start, end, page } = one;
  const where = placeWords(one, documents.value?.data.find(({ id }) => id === document_id));
  return (
    <li class="document-passage">
      <p>
        <ToPlace to={{ document_id, start, end, page }}>{[isolated(one.filename), where].filter(Boolean).join(", ")}</ToPlace>
      </p>
      {one.heading && <p class="hint">{isolated(one.heading)}</p>}
      <p class="document-text">{one.text}</p>
    </li>
  );
}

export function DocumentSearch({ actions }: { actions: DocumentActions }) {
  const question = useSignal("");
  const busy = useSignal(false);
  const found = useSignal<PassageList | null>(null);
  const trouble = useSignal("");
  const look = async () => {
    const asked = question.value.trim();
    if (!asked || busy.value) return;
    busy.value = true;
    trouble.value = "";
    found.value = null;
    try {
      found.value = await actions.search(asked);
    } catch (error) {
      trouble.value = explain(error);
    }
    busy.value = false;
  };
  const { data, why } = found.value ?? { data: [], why: null };
  const said = why ? t(`docs.why.${why}`) : data.length === 0 ? t("docs.nothing") : t(data.length === 1 ? "docs.found.one" : "docs.found", { n: data.length });
  return (
    <section class="my-data" aria-labelledby="docs-try">
      <h3 id="docs-try">{t("docs.try")}</h3>
      <p class="hint">{t("docs.try.what")}</p>
      <form class="document-try" onSubmit={(event) => (event.preventDefault(), void look())}>
        <label class="field">
          <span>{t("docs.try.box")}</span>
          <input
            type="text"
            autocomplete="off"
            maxLength={MOST_CHARACTERS}
            value={question.value}
            onKeyDown={(event) => isEnterOfInputMethod(event) && event.preventDefault()}
            onInput={(event) => (question.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={!question.value.trim()} aria-disabled={busy.value}>
          {t(busy.value ? "docs.try.busy" : "docs.try.do")}
        </button>
      </form>
      {trouble.value && (
        <p class="trouble" role="alert">
          {trouble.value}
        </p>
      )}
      {found.value && <Told text={said} />}
      {data.length > 0 && (
        <ol class="document-passages">
          {data.map((one) => (
            <Passage key={`${one.document_id} ${one.number}`} one={one} />
          ))}
        </ol>
      )}
    </section>
  );
}
