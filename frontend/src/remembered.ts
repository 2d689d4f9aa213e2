/** What the person wants remembered: read where it is opened. Only actions/memories.ts writes here. */
import { signal } from "@preact/signals";
import type { MemoryList } from "./types";

/** null: the server has not said yet. */
export const memories = signal<MemoryList | null>(null);
/** Those that are forgotten in a few seconds, unless somebody takes it back. */
export const leavingMemories = signal<ReadonlySet<string>>(new Set());
/** Questions whose offer was declined, or kept: it is not made again while the page is open. */
export const offered = signal<ReadonlySet<string>>(new Set());
