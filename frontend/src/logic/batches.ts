/** What a batch's record means to a person. Pure: OpenAI's times are seconds, ours come out as milliseconds. */
import type { Batch, BatchStatus } from "../types";

const RANK: Record<BatchStatus, number> = {
  validating: 0,
  in_progress: 1,
  finalizing: 2,
  cancelling: 2,
  completed: 3,
  failed: 3,
  expired: 3,
  cancelled: 3,
};

export function isOver(batch: Batch): boolean {
  return RANK[batch.status] === 3;
}

export function mayCancel(batch: Batch): boolean {
  return !isOver(batch) && batch.status !== "cancelling";
}

/** A session is on for it, or about to be bought. */
export function needsGpu(batch: Batch): boolean {
  return batch.status === "in_progress" && batch.foreverus?.backend === "gpu";
}

/** Answers may overtake each other, and no batch goes back. */
export function newerBatch(have: Batch | undefined, got: Batch): Batch {
  return have && RANK[have.status] > RANK[got.status] ? have : got;
}

/** Newest first, as the server lists them: ids of one second are told apart by themselves. */
export function mergeBatches(have: readonly Batch[], got: readonly Batch[]): readonly Batch[] {
  const byId = new Map(have.map((batch) => [batch.id, batch]));
  for (const batch of got) byId.set(batch.id, newerBatch(byId.get(batch.id), batch));
  return [...byId.values()].sort((a, b) => b.created_at - a.created_at || b.id.localeCompare(a.id));
}

export function isScheduled(batch: Batch): boolean {
  return batch.foreverus?.trigger === "schedule";
}

export function nameOf(batch: Batch): string {
  return batch.metadata?.["filename"] || batch.metadata?.["name"] || batch.id;
}

export interface Progress {
  settled: number;
  total: number;
  failed: number;
  /** 0 to 1; null: the lines are not counted yet. */
  share: number | null;
}

export function progress(batch: Batch): Progress {
  const { total = 0, completed = 0, failed = 0 } = batch.request_counts ?? {};
  // What was cancelled, or too late, counts as failed there: nobody has done it.
  const settled = batch.status === "cancelled" || batch.status === "expired" ? completed : completed + failed;
  return { settled, total, failed, share: total > 0 ? Math.min(1, settled / total) : null };
}

export type Moment =
  | "created"
  | "in_progress"
  | "cancelling"
  | "finalizing"
  | "completed"
  | "failed"
  | "expired"
  | "cancelled";

/** What has happened, in order. */
export function moments(batch: Batch): { name: Moment; at: number }[] {
  const all: [Moment, number | null | undefined][] = [
    ["created", batch.created_at],
    ["in_progress", batch.in_progress_at],
    ["cancelling", batch.cancelling_at],
    ["finalizing", batch.finalizing_at],
    ["completed", batch.completed_at],
    ["failed", batch.failed_at],
    ["expired", batch.expired_at],
    ["cancelled", batch.cancelled_at],
  ];
  return all
    .filter((entry): entry is [Moment, number] => typeof entry[1] === "number")
    .map(([name, at]) => ({ name, at: at * 1000 }))
    .sort((a, b) => a.at - b.at);
}

/** The arithmetic of the choice: in words where there are some. */
export function choiceText(batch: Batch): string | null {
  const { choice, choice_text: words } = batch.foreverus ?? {};
  return words || (choice ? JSON.stringify(choice, null, 2) : null);
}

/** `24h`, `90m` as seconds; null for anything else. */
export function windowSeconds(window: string): number | null {
  const match = /^(\d+)([mh])$/.exec(window);
  return match ? Number(match[1]) * (match[2] === "h" ? 3600 : 60) : null;
}

/** What a downloaded file is called: after the file that was asked. */
export function downloadName(batch: Batch, kind: "output" | "errors"): string {
  const base = nameOf(batch).replace(/\.(jsonl|ndjson|json|txt)$/i, "").replace(/[\\/:*?"<>|]/g, "_");
  return `${base}.${kind}.jsonl`;
}
