/** One batch: how far it is, what it costs, why it runs where it runs, and its files. */
import { useSignal } from "@preact/signals";
import type { BatchActions } from "../actions/batches";
import type { DraftActions } from "../actions/batchDraft";
import { known, language, t } from "../i18n";
import { isOver, isScheduled, mayCancel, nameOf, needsGpu, progress } from "../logic/batches";
import { bytes, left, number, percent } from "../logic/format";
import { batch as opened, batchStale, cancelling, downloads, gpu, live } from "../state";
import type { Batch } from "../types";
import { Choice, Details, Facts, Times } from "./BatchFacts";
import { ProblemTable, rowOfError } from "./BatchProblems";
import { later } from "./Later";

const BatchResults = later(() => import("./BatchResults"));

function Cancel({ batch, actions }: { batch: Batch; actions: BatchActions }) {
  const asking = useSignal(false);
  if (!mayCancel(batch)) return null;
  if (!asking.value) {
    return (
      <button type="button" id="cancel-batch" onClick={() => (asking.value = true)}>
        {t("batch.cancel")}
      </button>
    );
  }
  return (
    <span class="sure" role="group" data-home="cancel-batch" aria-label={t("batch.cancel.asked")}>
      <span>{t("batch.cancel.asked")}</span>
      <button
        type="button"
        class="danger"
        ref={(button) => button?.focus()}
        disabled={cancelling.value === batch.id}
        onClick={() => void actions.cancel(batch.id)}
      >
        {t("batch.cancel.sure")}
      </button>
      <button type="button" class="quiet" onClick={() => (asking.value = false)}>
        {t("batch.cancel.keep")}
      </button>
    </span>
  );
}

function note(batch: Batch): string {
  const { failed } = progress(batch);
  if (needsGpu(batch) && (gpu.value === "off" || live.value?.status !== "serving")) return t("batch.note.waiting");
  if (batch.status === "completed" && failed > 0) {
    return t("batch.note.completed.some", { failed: number(failed, language.value) });
  }
  if (batch.status === "failed" && !batch.in_progress_at) return t("batch.note.failed.free");
  return known("batch.note", batch.status) ?? "";
}

function Bar({ batch }: { batch: Batch }) {
  const { settled, total, share } = progress(batch);
  const lang = language.value;
  if (share === null) {
    if (isOver(batch)) return null;
    return (
      <div class="bar">
        <progress aria-label={t("batch.progress")} />
        <p class="hint">{t("batch.progress.unknown")}</p>
      </div>
    );
  }
  const of = t("batch.progress.of", { done: number(settled, lang), total: number(total, lang) });
  const eta = batch.foreverus?.eta_seconds;
  return (
    <div class="bar">
      <p class="bar-head">
        <strong>{percent(share, lang)}</strong>
        <span>{of}</span>
        {batch.status === "in_progress" && typeof eta === "number" && (
          <span class="bar-eta">{t("batch.eta", { time: left(eta) })}</span>
        )}
      </p>
      <progress aria-label={t("batch.progress")} aria-valuetext={of} max={total} value={settled} />
    </div>
  );
}

function Download({ batch, kind, actions }: { batch: Batch; kind: "output" | "errors"; actions: BatchActions }) {
  const id = kind === "output" ? batch.output_file_id : batch.error_file_id;
  if (!id) return null;
  const received = downloads.value[id];
  return (
    <button
      type="button"
      class={kind === "output" ? "primary" : ""}
      disabled={received !== undefined}
      onClick={() => void actions.download(batch, kind)}
    >
      {received === undefined
        ? t(`batch.download.${kind}`)
        : t("batch.downloading", { bytes: bytes(received, language.value) })}
    </button>
  );
}

function Errors({ batch }: { batch: Batch }) {
  const rows = (batch.errors?.data ?? []).map(rowOfError);
  if (rows.length === 0) return null;
  return (
    <section class="verdict verdict-bad" aria-labelledby="batch-errors">
      <h3 id="batch-errors">{t("batch.problems")}</h3>
      <ProblemTable rows={rows} total={batch.errors?.total ?? rows.length} />
    </section>
  );
}

function Body({ batch, actions, draft }: { batch: Batch; actions: BatchActions; draft: DraftActions }) {
  return (
    <div class="batch-body">
      <p class="status-line">
        <span class="spoken">{t("batch.status")}</span>
        <strong class={`badge badge-batch-${batch.status}`}>
          {known("batch.status", batch.status) ?? batch.status}
        </strong>
        {isScheduled(batch) && <span class="tag">{t("batch.scheduled")}</span>}
      </p>
      <p>{note(batch)}</p>
      {isScheduled(batch) && <p class="hint">{t("batch.scheduled.note")}</p>}
      {batchStale.value && <p class="stale">{t("batch.stale")}</p>}
      <Bar batch={batch} />
      {(batch.output_file_id || batch.error_file_id) && (
        <div class="files">
          <Download batch={batch} kind="output" actions={actions} />
          <Download batch={batch} kind="errors" actions={actions} />
        </div>
      )}
      <Errors batch={batch} />
      {(batch.output_file_id || batch.error_file_id) && <BatchResults batch={batch} batches={actions} draft={draft} />}
      <Facts batch={batch} />
      <Choice batch={batch} />
      <Times batch={batch} />
      <Details batch={batch} />
    </div>
  );
}

export default function BatchView({ id, actions, draft }: { id: string; actions: BatchActions; draft: DraftActions }) {
  const batch = opened.value;
  return (
    <section class="batch" data-home="batch" aria-labelledby="batch">
      <div class="chat-head">
        <h2 id="batch" tabIndex={-1}>
          {batch ? nameOf(batch) : t("batch.region")}
        </h2>
        {batch && <Cancel key={id} batch={batch} actions={actions} />}
      </div>
      {batch ? (
        <Body key={id} batch={batch} actions={actions} draft={draft} />
      ) : (
        <div class="batch-body">
          <p class="hint">{t(batchStale.value ? "batch.stale" : "batch.loading")}</p>
        </div>
      )}
    </section>
  );
}
