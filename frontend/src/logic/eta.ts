/** When a GPU that boots will answer, by what boots took here before. Pure. */
import { span } from "./format";
import { time } from "./sessions";
import type { Session } from "../types";

export type Boots = NonNullable<Session["boots"]>;

const MANY = 20; // boots, from which on one in twenty is a boot that was seen

/** `late`: later than 95 % of the boots (`many`: so many were seen that this is a count and no guess). */
export interface Eta {
  elapsed: number;
  boots: Boots;
  remaining: number;
  late: "no" | "usual" | "few" | "many";
}

/** undefined: nothing boots, or no boot was ever seen here. */
export function etaOf(session: Session, now: number): Eta | undefined {
  const booting = session.status === "requested" || session.status === "launching" || session.status === "booting";
  if (!booting || session.end_requested || !session.boots) return undefined;
  const elapsed = Math.max(0, (now - (time(session.created_at) ?? now)) / 1000);
  const { boots } = session;
  const late = elapsed > boots.late ? (boots.count >= MANY ? "many" : "few") : elapsed > boots.high ? "usual" : "no";
  return { elapsed, boots, remaining: Math.max(0, boots.expected - elapsed), late };
}

/** A length that was learned, no more exactly than it is known: whole minutes, and ten seconds below two. */
export function roughly(seconds: number): string {
  const step = seconds >= 120 ? 60 : seconds >= 20 ? 10 : 1;
  return span(Math.max(1, Math.round(seconds / step) * step));
}

/** What usually happens: `["5", "7 min"]`, or one length where both are the same as they are shown. */
export function usually(boots: Boots): readonly [string] | readonly [string, string] {
  const [low, high] = [roughly(boots.low), roughly(boots.high)];
  if (low === high) return [low];
  const unit = /^\d+( \w+)$/.exec(high)?.[1];
  return [unit && new RegExp(`^\\d+${unit}$`).test(low) ? low.slice(0, -unit.length) : low, high];
}
