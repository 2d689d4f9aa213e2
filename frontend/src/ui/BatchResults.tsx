/** The answers of a batch beside their questions: searched, failed ones first, for a spreadsheet, and asked again. */
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { BatchActions } from "../actions/batches";
import type { DraftActions } from "../actions/batchDraft";
import { resultActions, shown, type ResultActions, type Shown } from "../actions/batchResults";
import { known, language, t } from "../i18n";
import { chosen, type ResultRow, type Which } from "../logic/batchResults";
import { bytes, number } from "../logic/format";
import type { Batch } from "../types";
import { Told } from "./Said";

const ROWS_AT_ONCE = 50;
const CHARACTERS = 400; // of a text before somebody wants all of it
const WHICH: readonly Which[] = ["all", "failed", "answered"];

function Long({ text }: { text: string }) {
  const whole = useSignal(false);
  if (text.length <= CHARACTERS || whole.value) return <>{text}</>;
  return (
    <>
      {text.slice(0, CHARACTERS)}…{" "}
      <button type="button" class="link" onClick={() => (whole.value = true)}>
        {t("batch.results.whole")}
      </button>
    </>
  );
}

/** The roles are named because a phone lays the table out as cards, and browsers forget what it was then. */
function Row({ row }: { row: ResultRow }) {
  return (
    <tr role="row" class={row.error ? "row-bad" : undefined}>
      <th scope="row" role="rowheader">{row.id}</th>
      <td role="cell" data-name={t("batch.results.question")}>
        <Long text={row.question} />
      </td>
      <td role="cell" data-name={t("batch.results.answer")}>
        {row.error ? (
          <>
            <strong>{known("batch.failure", row.error.code) ?? t("batch.results.failed")}</strong>{" "}
            <span class="hint">{row.error.message}</span>
          </>
        ) : (
          <Long text={row.answer} />
        )}
        {row.cut && <p class="hint">{t("batch.results.cut")}</p>}
      </td>
    </tr>
  );
}

interface ReadyProps {
  batch: Batch;
  of: Shown;
  actions: ResultActions;
}

function Ready({ batch, of, actions }: ReadyProps) {
  const [which, words, most] = [useSignal<Which>("all"), useSignal(""), useSignal(ROWS_AT_ONCE)];
  const { rows, failedLines } = of.results;
  const found = useMemo(() => chosen(rows, which.value, words.value), [rows, which.value, words.value]);
  const lang = language.value;
  return (
    <>
      <div class="results-tools">
        <label class="field">
          <span>{t("batch.results.search")}</span>
          <input type="search" value={words.value} onInput={(event) => (words.value = event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t("batch.results.which")}</span>
          <select value={which.value} onChange={(event) => (which.value = event.currentTarget.value as Which)}>
            {WHICH.map((name) => (
              <option key={name} value={name}>
                {t(`batch.results.which.${name}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => actions.csv(batch, found)}>
          {t("batch.results.csv")}
        </button>
        {failedLines.length > 0 && (
          <button type="button" onClick={() => void actions.again(batch, of.results)}>
            {t("batch.results.again", { count: number(failedLines.length, lang) })}
          </button>
        )}
      </div>
      <Told class="hint" text={t("batch.results.found", { found: number(found.length, lang), all: number(rows.length, lang) })} />
      {of.withoutInput && <p class="hint">{t("batch.results.noinput")}</p>}
      {found.length > 0 && (
        <table role="table">
          <thead>
            <tr role="row">
              <th scope="col">custom_id</th>
              <th scope="col">{t("batch.results.question")}</th>
              <th scope="col">{t("batch.results.answer")}</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {found.slice(0, most.value).map((row) => (
              <Row key={row.id} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {found.length > most.value && (
        <button type="button" onClick={() => (most.value += ROWS_AT_ONCE)}>
          {t("batch.results.more", { count: number(found.length - most.value, lang) })}
        </button>
      )}
    </>
  );
}

interface Props {
  batch: Batch;
  batches: BatchActions;
  draft: DraftActions;
}

export default function BatchResults({ batch, batches, draft }: Props) {
  const actions = useMemo(() => resultActions(batches, draft), [batches, draft]);
  const of = shown.value?.batchId === batch.id ? shown.value : null;
  return (
    <section class="results" aria-labelledby="batch-results">
      <h3 id="batch-results">{t("batch.results")}</h3>
      {(!of || of.phase === "failed") && (
        <>
          {of && <p role="alert">{of.error}</p>}
          <button type="button" onClick={() => void actions.read(batch)}>
            {t(of ? "batch.results.retry" : "batch.results.show")}
          </button>
        </>
      )}
      {of?.phase === "reading" && <p class="hint">{t("batch.results.reading", { bytes: bytes(of.bytes, language.value) })}</p>}
      {of?.phase === "large" && <p>{t("batch.results.large")}</p>}
      {of?.phase === "ready" && <Ready batch={batch} of={of} actions={actions} />}
    </section>
  );
}
