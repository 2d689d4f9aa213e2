/** The answers of a batch as a table: fetched when somebody wants to see them, kept while the batch is open. */
import { signal } from "@preact/signals";
import { ApiError } from "../api";
import { language, t } from "../i18n";
import { againFile, csvOf, readResults, TooLarge, type Results, type ResultRow } from "../logic/batchResults";
import { isSending } from "../logic/batchDraft";
import { nameOf } from "../logic/batches";
import { saveAs } from "../logic/download";
import { batchDraft } from "../state";
import type { BackendChoice, Batch } from "../types";
import type { DraftActions } from "./batchDraft";
import { explain, notify, report } from "./notices";
import { go } from "./places";

export interface Shown {
  batchId: string;
  phase: "reading" | "ready" | "large" | "failed";
  /** Bytes that have come. */
  bytes: number;
  /** The file of questions is gone: the answers stand alone. */
  withoutInput: boolean;
  results: Results;
  error: string;
}

const NOTHING: Results = { rows: [], failedLines: [] };

export const shown = signal<Shown | null>(null);

export interface Files {
  content(fileId: string): Promise<Response>;
}

export function resultActions(files: Files, draft: DraftActions, save = saveAs) {
  async function stream(fileId: string | null | undefined): Promise<ReadableStream<Uint8Array> | null> {
    if (!fileId) return null;
    return (await files.content(fileId)).body;
  }

  /** null where nobody can read it any more: deleted, expired, or in the bucket itself. */
  async function input(batch: Batch): Promise<ReadableStream<Uint8Array> | null> {
    if (batch.input_file_id.startsWith("s3://")) return null; // in the bucket itself: the API gives out no content
    try {
      return await stream(batch.input_file_id);
    } catch (error) {
      if (error instanceof ApiError && !error.passing && error.code !== "signed_out") return null;
      throw error;
    }
  }

  return {
    async read(batch: Batch): Promise<void> {
      if (shown.value?.batchId === batch.id && shown.value.phase === "reading") return;
      const mine: Shown = { batchId: batch.id, phase: "reading", bytes: 0, withoutInput: false, results: NOTHING, error: "" };
      shown.value = mine;
      const change = (by: Partial<Shown>) => {
        if (shown.value?.batchId === batch.id) shown.value = { ...shown.value, ...by };
      };
      try {
        const [asked, answered, failed] = await Promise.all([
          input(batch),
          stream(batch.output_file_id),
          stream(batch.error_file_id),
        ]);
        const results = await readResults(asked, answered, failed, (bytes) => change({ bytes }));
        change({ phase: "ready", withoutInput: asked === null, results });
      } catch (error) {
        if (error instanceof TooLarge) return change({ phase: "large" });
        change({ phase: "failed", error: explain(error) });
        if (error instanceof ApiError && error.code === "signed_out") report(error);
      }
    },

    /** What is shown, as a spreadsheet reads it. */
    csv(batch: Batch, rows: readonly ResultRow[]): void {
      const names = ["id", "question", "answer", "error", "reason", "read", "written"] as const;
      const head = names.map((name) => t(`batch.results.csv.${name}`));
      save(csvOf(rows, head, language.value === "pt" ? ";" : ","), `${nameOf(batch).replace(/\.\w{1,6}$/, "")}.csv`);
    },

    /** The failed lines become the draft of a new batch, with the choices of this one: checked and quoted as any other. */
    async again(batch: Batch, results: Results): Promise<void> {
      if (isSending(batchDraft.value)) return notify(t("batch.results.again.busy"));
      const { backend, allow_on_demand: onDemand } = batch.metadata ?? {};
      go({ area: "batches", id: null });
      await draft.choose(againFile(results.failedLines, nameOf(batch)));
      draft.setOptions({
        backend: (["auto", "gpu", "bedrock"] as const).find((name): name is BackendChoice => name === backend) ?? "auto",
        onDemand: onDemand === "true",
      });
    },
  };
}

export type ResultActions = ReturnType<typeof resultActions>;
