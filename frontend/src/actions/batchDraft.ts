/** From a chosen file to a batch: check, upload, create. Nothing is sent while the file has errors. */
import { ApiError, type Api } from "../api";
import { language, t } from "../i18n";
import { backoffMs } from "../logic/backoff";
import { fileName, isGood, isSending, newDraft, requestOf, type BatchDraft, type BatchOptions } from "../logic/batchDraft";
import { number } from "../logic/format";
import { put, UploadError } from "../logic/upload";
import { area, batchDraft, batchId, models } from "../state";
import type { Batch } from "../types";
import { gotBatches } from "./batches";
import { explain, report, say, traceOf } from "./notices";
import { go } from "./places";

const TRIES = 4;
const MODELS_MS = 3000; // how long a check waits to hear which models there are

function passes(error: unknown): boolean {
  if (error instanceof ApiError) return error.passing;
  return error instanceof UploadError && (error.status === 0 || error.status === 408 || error.status >= 500);
}

function why(error: unknown): string {
  if (!(error instanceof UploadError)) return explain(error);
  return t("batch.failed.upload", { reason: error.status ? `HTTP ${error.status}` : t("batch.failed.network") });
}

export function draftActions(
  api: Api,
  learnModels: () => Promise<void>,
  wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
  send = put,
) {
  let stop = new AbortController();

  /** Changes the draft that `stop` belongs to; what a discarded one still does changes nothing. */
  function change(signal: AbortSignal, by: Partial<BatchDraft>): void {
    if (!signal.aborted && batchDraft.value) batchDraft.value = { ...batchDraft.value, ...by };
  }

  async function again<T>(signal: AbortSignal, once: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await once();
      } catch (error) {
        if (signal.aborted || !passes(error) || attempt + 1 >= TRIES) throw error;
        await wait(backoffMs(attempt));
        signal.throwIfAborted();
      }
    }
  }

  /** Each try gets a new address; what a lost try may have left is removed. */
  async function upload(file: File, signal: AbortSignal): Promise<string> {
    const stored = await api.createFile(fileName(file), file.size);
    try {
      if (!stored.upload) throw new Error("POST /files: no upload address");
      await send(stored.upload, file, signal, (sent) => change(signal, { sent }));
      return stored.id;
    } catch (error) {
      void api.deleteFile(stored.id).catch(() => undefined); // it has no bytes; a leftover costs nothing
      throw error;
    }
  }

  async function create(draft: BatchDraft, fileId: string, signal: AbortSignal): Promise<Batch> {
    change(signal, { phase: "creating", fileId, asked: true });
    try {
      return await again(signal, () => api.createBatch(requestOf(draft, fileId), draft.key));
    } catch (error) {
      if (error instanceof ApiError && !error.passing) {
        // It was refused: the next request is another one, and needs its file only if the file was not the reason.
        const lost = error.param === "input_file_id" ? { fileId: null } : {};
        change(signal, { asked: false, key: crypto.randomUUID(), ...lost });
      }
      throw error;
    }
  }

  return {
    async choose(file: File): Promise<void> {
      if (isSending(batchDraft.value)) return;
      stop.abort();
      stop = new AbortController();
      const { signal } = stop;
      const options = batchDraft.value?.options;
      batchDraft.value = newDraft(file, crypto.randomUUID(), options);
      try {
        await Promise.race([learnModels(), wait(MODELS_MS)]);
        const onProgress = (read: number, lines: number) => change(signal, { read, lines });
        const { tableOf } = await import("../logic/tables");
        const table = await tableOf(file);
        if (table) return change(signal, { phase: "checked", table });
        // Its schemas are a quarter of the page, and most people chat.
        const { checkFile } = await import("../logic/batchCheck");
        const found = await checkFile(file, { models: models.value, signal, onProgress });
        change(signal, { phase: "checked", report: found });
        if (signal.aborted) return;
        const count = Object.values(found.counts).reduce((all, one) => all + one, 0);
        say(isGood(found)
          ? t("batch.spoken.ok", { lines: number(found.lines, language.value) })
          : t("batch.spoken.bad", { count: number(count, language.value) }));
      } catch {
        change(signal, { phase: "failed", error: t("batch.unreadable") });
      }
    },

    setOptions(options: Partial<BatchOptions>): void {
      const draft = batchDraft.value;
      if (draft && !draft.asked) batchDraft.value = { ...draft, options: { ...draft.options, ...options } };
    },

    async submit(): Promise<void> {
      const draft = batchDraft.value;
      if (!draft || !isGood(draft.report) || isSending(draft)) return;
      const { signal } = stop;
      change(signal, { phase: "uploading", sent: 0, error: null, trace: undefined });
      try {
        const fileId = draft.fileId ?? (await again(signal, () => upload(draft.file, signal)));
        const batch = await create(draft, fileId, signal);
        gotBatches([batch]);
        if (signal.aborted) return;
        batchDraft.value = null;
        // Somebody who went to chat meanwhile stays there: the list has it.
        if (area.value === "batches" && batchId.value === null) go({ area: "batches", id: batch.id });
      } catch (error) {
        change(signal, { phase: "failed", error: why(error), trace: traceOf(error) });
        if (error instanceof ApiError && error.code === "signed_out") report(error);
      }
    },

    /** Stops sending; the file stays chosen and checked. */
    pause(): void {
      const draft = batchDraft.value;
      if (draft?.phase !== "uploading") return;
      stop.abort();
      stop = new AbortController();
      batchDraft.value = { ...draft, phase: "checked", sent: 0 };
    },

    discard(): void {
      stop.abort();
      stop = new AbortController();
      batchDraft.value = null;
    },
  };
}

export type DraftActions = ReturnType<typeof draftActions>;
