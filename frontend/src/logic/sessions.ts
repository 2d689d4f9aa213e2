/** What a session's record means to a person. Pure: time comes in as milliseconds. */
import type { Session, SessionStatus } from "../types";

const FINAL: readonly SessionStatus[] = ["ended", "failed"];

export function isFinal(session: Session): boolean {
  return FINAL.includes(session.status);
}

/**
 * The newer of the two: a record that is not newer changes nothing. How long boots take is no part of the record and
 * comes only with some answers: what is known of it is kept.
 */
export function newer(have: Session | undefined, got: Session): Session {
  if (!have) return got;
  const record = have.version >= got.version ? have : got;
  const boots = got.boots ?? have.boots;
  const known = record.boots;
  const isSame = boots === known || (boots?.count === known?.count && boots?.expected === known?.expected && boots?.late === known?.late);
  return isSame ? record : { ...record, boots };
}

/** Merges into a list that is newest first. The same list is returned when nothing changed. */
export function mergeSessions(have: readonly Session[], got: readonly Session[]): readonly Session[] {
  const byId = new Map(have.map((session) => [session.id, session]));
  let changed = false;
  for (const session of got) {
    const kept = newer(byId.get(session.id), session);
    if (kept !== byId.get(session.id)) {
      byId.set(session.id, kept);
      changed = true;
    }
  }
  if (!changed) return have;
  return [...byId.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
}

export function liveSession(sessions: readonly Session[]): Session | undefined {
  return sessions.find((session) => !isFinal(session));
}

/**
 * off: no GPU is bought. coming: one is being bought. on: it costs money by the second. leaving: it still does, and
 * was told to go.
 */
export type Power = "off" | "coming" | "on" | "leaving";

export function power(session: Session | undefined): Power {
  if (!session || isFinal(session)) return "off";
  if (session.end_requested || session.status === "draining") return "leaving";
  if (session.status === "requested" || session.status === "launching") return session.instance ? "on" : "coming";
  return "on";
}

export function time(iso: string | null | undefined): number | undefined {
  if (!iso) return undefined;
  const at = Date.parse(iso);
  return Number.isNaN(at) ? undefined : at;
}

/** Seconds that the instance has been running, or ran. */
export function runningSeconds(session: Session, now: number): number {
  if (session.receipt?.instance_seconds !== undefined) return session.receipt.instance_seconds;
  const from = time(session.launched_at);
  if (from === undefined) return 0;
  return Math.max(0, ((time(session.ended_at) ?? now) - from) / 1000);
}
