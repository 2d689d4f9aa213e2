/** Asks for one thing again and again, one question at a time, slower after every failure. */
import { backoffMs } from "../logic/backoff";

export const POLL_MS = 2000;

export interface Watch {
  /** What to ask for from now on; null: nothing. */
  want(id: string | null): void;
}

/** `ask` says whether to go on asking; it throws when nobody answered. */
export function createWatch(ask: (id: string) => Promise<boolean>, onStale: (stale: boolean) => void): Watch {
  let wanted: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let failures = 0;

  async function turn(): Promise<void> {
    const id = wanted;
    if (id === null || running) return;
    running = true;
    let again = true;
    try {
      again = await ask(id);
      failures = 0;
    } catch {
      failures += 1;
    } finally {
      running = false;
    }
    if (wanted !== id) return turn(); // somebody wants another one since
    onStale(failures > 0);
    if (again) timer = setTimeout(() => void turn(), failures ? POLL_MS + backoffMs(failures) : POLL_MS);
  }

  return {
    want(id) {
      if (id === wanted) return;
      wanted = id;
      failures = 0;
      onStale(false);
      clearTimeout(timer);
      void turn();
    },
  };
}
