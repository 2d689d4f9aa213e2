/** Conversations by when they were last used, as people say it. Pure. */
export type Day = "today" | "yesterday" | "week" | "older";
export const DAYS: readonly Day[] = ["today", "yesterday", "week", "older"];

/** By the calendar of whoever looks. A time to come, of a clock that is wrong, is today. */
export function dayOf(at: number, now: number): Day {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (at >= midnight) return "today";
  const before = (days: number) => new Date(midnight).setDate(new Date(midnight).getDate() - days);
  if (at >= before(1)) return "yesterday";
  return at >= before(7) ? "week" : "older";
}
