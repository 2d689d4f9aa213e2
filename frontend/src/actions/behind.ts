/** What need not come with a key comes right behind it: when its letter is shown there is hardly another one yet. */
import { ticks } from "../logic/clock";

const TYPING_MS = 500;

let typedAt = -Infinity;
let isAsked = false;
const works = new Set<() => void>();

/** Something was typed, in whatever field. */
export function typed(): void {
  typedAt = ticks();
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() =>
    setTimeout(() => {
      isAsked = false;
      for (const work of works) work();
    }),
  );
}

export const isTyping = (): boolean => ticks() - typedAt < TYPING_MS;

/** Each time a key has been shown. */
export const behindKeys = (work: () => void): void => void works.add(work);

export interface Seldom {
  soon(): void;
  now(): void;
  end(): void;
}

/** What is done behind a key once it was asked for, and not again within `ms`; where none is shown (a window behind
 * another one gets no frames), within twice as long. */
export function seldom(work: () => void, ms: number): Seldom {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let doneAt = -Infinity;
  const now = () => {
    clearTimeout(timer);
    timer = undefined;
    doneAt = ticks();
    work();
  };
  const look = () => void (timer !== undefined && ticks() - doneAt >= ms && now());
  behindKeys(look);
  return {
    now,
    soon: () => void (timer ??= setTimeout(now, 2 * ms)),
    end(): void {
      clearTimeout(timer);
      works.delete(look);
    },
  };
}
