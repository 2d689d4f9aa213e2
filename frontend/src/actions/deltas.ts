/** Pieces of answers as they come: one is taken at once, and those that follow it closely together. A worker sends one
 * every 50 ms: so it is for what has piled up on the way, and for several answers at once. */
import { ticks } from "../logic/clock";
import type { Delta } from "../logic/chat";

export const TOGETHER_MS = 33; // two frames
export const TYPING_TOGETHER_MS = 200; // who types looks at what they type: a word that comes must not keep a key waiting
const TYPING_MS = 500;

let typedAt = -Infinity;

/** Something was typed, in whatever field. */
export function typed(): void {
  typedAt = ticks();
}

const isTyping = () => ticks() - typedAt < TYPING_MS;

/** `take`: gets a conversation's pieces in the order in which they came. */
export function together(
  take: (id: string, deltas: readonly Delta[]) => void,
  now = ticks,
  wait: (work: () => void, ms: number) => void = setTimeout,
  types = isTyping,
) {
  const waiting = new Map<string, Delta[]>();
  let taken = -Infinity;

  function takeAll(): void {
    const all = [...waiting];
    waiting.clear();
    taken = now();
    for (const [id, deltas] of all) take(id, deltas);
  }

  return (id: string, delta: Delta): void => {
    const isFirst = waiting.size === 0;
    const had = waiting.get(id);
    if (had) had.push(delta);
    else waiting.set(id, [delta]);
    if (!isFirst) return;
    const left = taken + (types() ? TYPING_TOGETHER_MS : TOGETHER_MS) - now();
    if (left > 0) wait(takeAll, left);
    else takeAll();
  };
}
