/**
 * The only clock of the page. A laptop's clock may be hours wrong, so what is compared with the server's times (how long
 * a GPU has been on, what it has cost) is measured by the server's clock, as the Date header of each answer tells it.
 */
const DATE_STEP_MS = 1000; // the header has whole seconds

export interface Clock {
  /** The server's time in ms since 1970, as well as it is known; the browser's until the server has answered. */
  now(): number;
  /** An answer came, `tookMs` after it was asked for: the server wrote `date` somewhere in between. */
  heard(date: string | null, tookMs: number): void;
}

/** `browserNow` is read once; from then on `ticks`, which no change of the clock moves, says how time goes on. */
export function createClock(ticks: () => number, browserNow: () => number): Clock {
  let offset = browserNow() - ticks();
  return {
    now: () => ticks() + offset,
    heard(date, tookMs) {
      const least = Date.parse(date ?? "");
      if (Number.isNaN(least)) return;
      // What already agrees with the header stays, so that seconds never jump while all is well.
      const most = least + DATE_STEP_MS + tookMs;
      offset = Math.min(most, Math.max(least, ticks() + offset)) - ticks();
    },
  };
}

/** Milliseconds since the page was opened, for how long something takes. */
export const ticks = (): number => performance.now();

export const clock = createClock(ticks, () => Date.now());
