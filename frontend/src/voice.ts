/** Speaking to the page, and being read to: read where a deployment has a voice. Only the files in actions/ write here. */
import { signal } from "@preact/signals";

/** `asking`: for the microphone. `writing`: what was said is written down. */
export const listening = signal<"off" | "asking" | "recording" | "writing">("off");
/** How loud it is, as a meter shows it: 0 to 1. */
export const level = signal(0);
/** How long somebody speaks already. */
export const recorded = signal(0);
/** Why nothing was written down, in words for people. */
export const unheard = signal("");
/** What was said and could not be written down: it is kept until it is, or until somebody drops it. */
export const keptSound = signal(false);

/** What is read aloud: an answer's id, or "sample"; null: nothing. */
export const readAloud = signal<string | null>(null);
/** Why it broke off. */
export const unread = signal("");
