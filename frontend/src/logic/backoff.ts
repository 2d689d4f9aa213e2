export const FIRST_MS = 500;
export const LONGEST_MS = 30_000;

/** How long to wait before try number `attempt` (0, 1, …): doubling, capped, with full jitter in its upper half. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}
