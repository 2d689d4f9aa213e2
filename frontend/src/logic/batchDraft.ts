/** A batch that does not exist yet: its file, what the check found, and how far sending it is. */
import type { NewBatch } from "../types";
import type { BackendChoice } from "../types";
import type { Report } from "./batchCheck";
import type { Trace } from "./outbox";
import type { Table } from "./tables";

export interface BatchOptions {
  backend: BackendChoice;
  onDemand: boolean;
  window: string;
}

export const DEFAULTS: BatchOptions = { backend: "auto", onDemand: false, window: "24h" };
export const WINDOWS_H = [1, 6, 24, 72, 168]; // of the 10 minutes to 168 hours that are allowed

export interface BatchDraft {
  file: File;
  /** The Idempotency-Key: the same until the server has refused this very request. */
  key: string;
  phase: "checking" | "checked" | "uploading" | "creating" | "failed";
  options: BatchOptions;
  /** Bytes and lines that were checked. */
  read: number;
  lines: number;
  report: Report | null;
  /** What the file holds, where it is no batch yet: its rows are to become one. */
  table: Table | null;
  /** Bytes that were sent. */
  sent: number;
  /** The stored file, once it is there. */
  fileId: string | null;
  /** True when the batch may have been created and nobody heard of it: only the same request is safe then. */
  asked: boolean;
  error: string | null;
  trace?: Trace | undefined;
}

export function newDraft(file: File, key: string, options: BatchOptions = DEFAULTS): BatchDraft {
  return {
    ...{ file, key, options, phase: "checking", read: 0, lines: 0, report: null, table: null, sent: 0, fileId: null },
    ...{ asked: false, error: null },
  };
}

export function isGood(report: Report | null): boolean {
  return report !== null && report.problems.length === 0;
}

export function isSending(draft: BatchDraft | null): boolean {
  return draft?.phase === "uploading" || draft?.phase === "creating";
}

const LONGEST_NAME = 255; // characters of a file's name

/** The file's name as the API takes it. */
export function fileName(file: File): string {
  return [...file.name].slice(0, LONGEST_NAME).join("") || "batch.jsonl";
}

/** What is asked for, with our options in the metadata, where any OpenAI client can put them too. */
export function requestOf(draft: BatchDraft, fileId: string): NewBatch {
  return {
    input_file_id: fileId,
    endpoint: draft.report?.endpoint ?? "/v1/chat/completions",
    completion_window: draft.options.window,
    metadata: {
      filename: fileName(draft.file),
      backend: draft.options.backend,
      allow_on_demand: draft.options.onDemand ? "true" : "false",
    },
  };
}
