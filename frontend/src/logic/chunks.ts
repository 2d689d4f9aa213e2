/**
 * A long list of messages in pieces, so that what changes at its end (each word of an answer) or comes at its
 * beginning (older messages) touches one piece of it and not all. Pure.
 */
import type { Message } from "../types";

/** A piece's key stays while it lives; `messages` is the same list as long as nothing in it has changed. */
export interface Chunk {
  key: string;
  messages: readonly Message[];
}

export const LARGEST = 20;

/** `messages` cut where `before` was cut: what is new in front or behind has pieces of its own. */
export function chunked(before: readonly Chunk[], messages: readonly Message[]): readonly Chunk[] {
  const begins = new Map(before.map((chunk) => [chunk.messages[0]!.id, chunk]));
  const found: Chunk[] = [];
  let from = 0;
  for (let at = 1; at <= messages.length; at++) {
    const had = begins.get(messages[from]!.id);
    // An answer follows its question into its piece.
    const isFull = at - from >= Math.max(LARGEST, had?.messages.length ?? 0) && messages[at]?.role !== "assistant";
    const isNext = at < messages.length && begins.has(messages[at]!.id);
    if (at < messages.length && !isNext && !isFull) continue;
    const part = messages.slice(from, at);
    const same = had && had.messages.length === part.length && had.messages.every((one, i) => one === part[i]);
    found.push(same ? had : { key: had?.key ?? part[0]!.id, messages: part });
    from = at;
  }
  return found.length === before.length && found.every((one, i) => one === before[i]) ? before : found;
}

const GROUP = 8;

/** In groups of a few: one in which nothing has changed is the same list as before. What stands in a group stays there,
 * whatever follows. */
export function grouped<T>(before: readonly (readonly T[])[], all: readonly T[]): readonly (readonly T[])[] {
  const found: (readonly T[])[] = [];
  for (let from = 0; from < all.length; from += GROUP) {
    const [had, end] = [before[found.length], Math.min(all.length, from + GROUP)];
    const same = had?.length === end - from && had.every((one, i) => one === all[from + i]);
    found.push(same ? had : all.slice(from, end));
  }
  return found;
}
