/** Pieces of answers as they come: one is taken at once, and those that follow it within a tenth of a second together. A
 * worker sends one every 50 ms: two at once read as well, and take a third less of a phone's processor. */
import { ticks } from "../logic/clock";
import type { Delta } from "../logic/chat";
import { behindKeys, isTyping } from "./behind";

export const TOGETHER_MS = 100;
/** Who types looks at what they type: words that come wait until a key is shown; without one, twice as long. */
export const TYPING_TOGETHER_MS = 300;

/** `take`: gets a conversation's pieces in the order in which they came. */
export function together(
  take: (id: string, deltas: readonly Delta[]) => void,
  now = ticks,
  wait: (work: () => void, ms: number) => void = setTimeout,
  types = isTyping,
  whenShown: (work: () => void) => void = behindKeys,
) {
  const waiting = new Map<string, Delta[]>();
  let taken = -Infinity;
  let round = 0;

  function takeAll(): void {
    const all = [...waiting];
    round++;
    waiting.clear();
    taken = now();
    for (const [id, deltas] of all) take(id, deltas);
  }

  whenShown(() => waiting.size > 0 && now() - taken >= TYPING_TOGETHER_MS && takeAll());
  return (id: string, delta: Delta): void => {
    const isFirst = waiting.size === 0;
    const had = waiting.get(id);
    if (had) had.push(delta);
    else waiting.set(id, [delta]);
    if (!isFirst) return;
    const left = taken + (types() ? 2 * TYPING_TOGETHER_MS : TOGETHER_MS) - now();
    const its = round;
    if (left > 0) wait(() => its === round && takeAll(), left);
    else takeAll();
  };
}
