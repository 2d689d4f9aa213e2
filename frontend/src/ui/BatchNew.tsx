/** A new batch: a file, what the check says about it, how to answer it, and sending it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { DraftActions } from "../actions/batchDraft";
import type { QuoteActions } from "../actions/quotes";
import { language, t } from "../i18n";
import { isGood, isSending, WINDOWS_H, type BatchDraft } from "../logic/batchDraft";
import type { Report } from "../logic/batchCheck";
import { isolated } from "../logic/bidi";
import { bytes, number, percent } from "../logic/format";
import { batchDraft } from "../state";
import type { BackendChoice, QuoteWish } from "../types";
import { later } from "./Later";
import { QuoteCard } from "./QuoteCard";
import { DropZone, FileButton, Format, useNoStrayDrop } from "./BatchDrop";
import { Told } from "./Said";
import { TraceView } from "./Trace";
import { counts, ProblemTable, rowOfProblem } from "./BatchProblems";

const ENDPOINT_WORDS = {
  "/v1/chat/completions": "batch.endpoint.chat",
  "/v1/completions": "batch.endpoint.text",
} as const;
const BatchTable = later(() => import("./BatchTable"));
const MOST_PROMPT_TOKENS = 32_768; // of a quote
const BACKENDS: readonly BackendChoice[] = ["auto", "gpu", "bedrock"];

function Checking({ draft }: { draft: BatchDraft }) {
  return (
    <div class="stage">
      <p>{t("batch.checking", { name: draft.file.name })}</p>
      <progress aria-label={t("batch.checking", { name: draft.file.name })} max={draft.file.size || 1} value={draft.read} />
      <p class="hint">{t("batch.checking.lines", { lines: number(draft.lines, language.value) })}</p>
    </div>
  );
}

function Facts({ report }: { report: Report }) {
  const lang = language.value;
  const rows: [name: string, value: string][] = [
    [t("batch.lines"), number(report.lines, lang)],
    [t("batch.size"), bytes(report.bytes, lang)],
    [t("batch.tokens.about"), t("batch.about", { value: number(Number(report.promptTokens.toPrecision(2)), lang) })],
  ];
  if (report.model) rows.push([t("batch.model"), report.model]);
  if (report.endpoint) rows.push([t("batch.endpoint"), t(ENDPOINT_WORDS[report.endpoint])]);
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** No alert: how many errors there are is spoken already, and a hundred rows would be read out. */
function Bad({ report, actions }: { report: Report; actions: DraftActions }) {
  const found = Object.values(report.counts).reduce((all, one) => all + one, 0);
  return (
    <section class="verdict verdict-bad" aria-labelledby="verdict">
      <h3 id="verdict">
        {found === 1 ? t("batch.checked.bad.one") : t("batch.checked.bad", { count: number(found, language.value) })}
      </h3>
      {found > 1 && <p class="hint">{counts(report)}</p>}
      <ProblemTable rows={report.problems.map(rowOfProblem)} total={found} />
      {!report.whole && <p class="hint">{t("batch.checked.stop")}</p>}
      <p>{t("batch.checked.fix")}</p>
      <FileButton onFile={(file) => void actions.choose(file)} label={t("batch.pick.again")} />
    </section>
  );
}

function hours(n: number): string {
  if (n === 1) return t("batch.window.hour");
  return n > 24 ? t("batch.window.days", { n: n / 24 }) : t("batch.window.hours", { n });
}

function Options({ draft, actions }: { draft: BatchDraft; actions: DraftActions }) {
  const { backend, onDemand, window } = draft.options;
  return (
    <fieldset class="options" disabled={isSending(draft) || draft.asked}>
      <legend>{t("batch.options")}</legend>
      <label class="field">
        <span>{t("batch.backend")}</span>
        <select value={backend} onChange={(e) => actions.setOptions({ backend: e.currentTarget.value as BackendChoice })}>
          {BACKENDS.map((name) => (
            <option key={name} value={name}>
              {t(`batch.backend.${name}`)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{t("batch.window")}</span>
        <select
          value={window}
          aria-describedby="window-hint"
          onChange={(e) => actions.setOptions({ window: e.currentTarget.value })}
        >
          {WINDOWS_H.map((n) => (
            <option key={n} value={`${n}h`}>
              {hours(n)}
            </option>
          ))}
        </select>
      </label>
      <p id="window-hint" class="hint">
        {t("batch.window.hint")}
      </p>
      {backend !== "bedrock" && (
        <label class="check">
          <input
            type="checkbox"
            checked={onDemand}
            onChange={(e) => actions.setOptions({ onDemand: e.currentTarget.checked })}
          />{" "}
          {t("batch.ondemand")}
        </label>
      )}
    </fieldset>
  );
}

function Sending({ draft, actions }: { draft: BatchDraft; actions: DraftActions }) {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
  if (draft.phase === "creating") {
    return (
      <div class="stage">
        <Told text={t("batch.creating")} />
        <progress aria-label={t("batch.creating")} />
      </div>
    );
  }
  const lang = language.value;
  return (
    <div class="stage">
      <p>{t("batch.uploading")}</p>
      <progress aria-label={t("batch.uploading")} max={draft.file.size} value={draft.sent} />
      <p class="hint">
        {bytes(draft.sent, lang)} / {bytes(draft.file.size, lang)} · {percent(draft.sent / draft.file.size, lang)}
      </p>
      <button type="button" onClick={() => actions.pause()}>
        {t("batch.stop")}
      </button>
    </div>
  );
}

/** The wish that a checked file makes: the lines are as long as they are on the average. */
function wishOf(draft: BatchDraft, report: Report): QuoteWish {
  const each = Math.min(MOST_PROMPT_TOKENS, Math.max(1, Math.ceil(report.promptTokens / report.lines)));
  return {
    ...{ kind: "batch", lines: report.lines, prompt_tokens: each },
    ...(report.endpoint ? { endpoint: report.endpoint } : {}),
    ...{ completion_window: draft.options.window, allow_on_demand: draft.options.onDemand },
  };
}

interface ReadyProps {
  draft: BatchDraft;
  report: Report;
  actions: DraftActions;
  quotes: QuoteActions;
}

function Ready({ draft, report, actions, quotes }: ReadyProps) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void actions.submit();
      }}
    >
      <div class="verdict verdict-good">
        <h3>{t("batch.checked.ok")}</h3>
        <Facts report={report} />
      </div>
      <Options draft={draft} actions={actions} />
      <div class="stage">
        <h3>{t("quote.title")}</h3>
        <QuoteCard wish={wishOf(draft, report)} actions={quotes} />
      </div>
      {draft.phase === "failed" && (
        <div class="verdict verdict-bad" role="alert">
          <h3>{t("batch.failed.head")}</h3>
          <p>{draft.error}</p>
          <p class="hint">{t("batch.failed.once")}</p>
          {draft.trace && <TraceView trace={draft.trace} />}
        </div>
      )}
      {isSending(draft) ? (
        <Sending draft={draft} actions={actions} />
      ) : (
        <button type="submit" class="primary">
          {t(draft.phase === "failed" ? "batch.retry" : "batch.submit")}
        </button>
      )}
    </form>
  );
}

function Draft({ draft, actions, quotes }: { draft: BatchDraft; actions: DraftActions; quotes: QuoteActions }) {
  const { report } = draft;
  return (
    <>
      <div class="chosen">
        <strong>{isolated(draft.file.name)}</strong>
        {!isSending(draft) && (
          <button type="button" class="quiet" onClick={() => actions.discard()}>
            {t("batch.discard")}
          </button>
        )}
      </div>
      {draft.table && <BatchTable table={draft.table} actions={actions} />}
      {draft.phase === "checking" && <Checking draft={draft} />}
      {report && isGood(report) && <Ready draft={draft} report={report} actions={actions} quotes={quotes} />}
      {report && !isGood(report) && <Bad report={report} actions={actions} />}
      {!report && draft.phase === "failed" && (
        <div class="verdict verdict-bad" role="alert">
          <p>{draft.error}</p>
          <FileButton onFile={(file) => void actions.choose(file)} label={t("batch.pick.again")} />
        </div>
      )}
    </>
  );
}

/** Questions that are typed or pasted, one a line. */
function Typed({ actions }: { actions: DraftActions }) {
  const text = useSignal("");
  return (
    <form
      class="table-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.value.trim()) void actions.choose(new File([text.value], "questions.txt"));
      }}
    >
      <label class="field">
        <span>{t("batch.typed")}</span>
        <textarea rows={4} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
      </label>
      <button type="submit" disabled={!text.value.trim()}>
        {t("batch.typed.use")}
      </button>
    </form>
  );
}

export default function BatchNew({ actions, quotes }: { actions: DraftActions; quotes: QuoteActions }) {
  useNoStrayDrop();
  const draft = batchDraft.value;
  return (
    <section class="batch" data-home="batch" aria-labelledby="batch">
      <div class="chat-head">
        <h2 id="batch" tabIndex={-1}>
          {t("batch.new")}
        </h2>
      </div>
      <div class="batch-body">
        {draft ? (
          <Draft draft={draft} actions={actions} quotes={quotes} />
        ) : (
          <>
            <p>{t("batch.new.lead")}</p>
            <DropZone onFile={(file) => void actions.choose(file)} />
            <Typed actions={actions} />
            <Format />
          </>
        )}
      </div>
    </section>
  );
}
