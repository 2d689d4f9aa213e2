/** What a person has arranged for themselves: read where it is opened. Only the files in actions/ write here. */
import { signal } from "@preact/signals";
import type { Me, Prompt } from "./types";

export type Theme = "system" | "light" | "dark";

/** null: the server has not said yet. */
export const me = signal<Me | null>(null);
export const theme = signal<Theme>("system");
export const sounds = signal(false);

/** Newest first. */
export const prompts = signal<readonly Prompt[]>([]);
/** False until the server has listed them once. */
export const promptsKnown = signal(false);
/** Prompts that are deleted in a few seconds, unless somebody takes it back. */
export const leavingPrompts = signal<ReadonlySet<string>>(new Set());
