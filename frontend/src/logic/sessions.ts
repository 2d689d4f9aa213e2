/** What a session's record means to a person. Pure: time comes in as milliseconds. */
import type { Session, SessionStatus } from "../types";

const FINAL: readonly SessionStatus[] = ["ended", "failed"];

export function isFinal(session: Session): boolean {
  return FINAL.includes(session.status);
}

/**
 * The newer of the two: a record that is not newer changes nothing. The expected boot time is no part of the record
 * and comes only with some answers: what is known of it is kept.
 */
export function newer(have: Session | undefined, got: Session): Session {
  if (!have) return got;
  const record = have.version >= got.version ? have : got;
  const expected = got.expected_boot_seconds ?? have.expected_boot_seconds ?? null;
  return (record.expected_boot_seconds ?? null) === expected ? record : { ...record, expected_boot_seconds: expected };
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

export interface Step {
  name: "requested" | "launched" | "booting" | "downloading" | "prepared" | "loading" | "healthy" | "ended";
  at?: number;
  state: "done" | "now" | "next";
}

/** A session's steps with the times that are known, for the attempt that is running. */
export function steps(session: Session): Step[] {
  const attempt = session.attempt ?? 0;
  const phase = (name: string) =>
    time((session.phases ?? []).findLast((p) => p.name === name && p.attempt === attempt)?.at);
  // The machine says which of the two it was: from a baked image nothing is downloaded.
  const fetched = (["downloading", "prepared"] as const)
    .map((name) => ({ name, at: phase(name) }))
    .filter((step) => step.at !== undefined);
  const list: { name: Step["name"]; at: number | undefined }[] = [
    { name: "requested", at: time(session.created_at) },
    { name: "launched", at: time(session.launched_at) },
    { name: "booting", at: phase("booting") },
    ...fetched,
    { name: "loading", at: phase("loading") },
    { name: "healthy", at: phase("healthy") ?? time(session.healthy_at) },
    { name: "ended", at: time(session.ended_at) },
  ];
  // Each time is a beginning, so the last one reached is what goes on now; all before it is done.
  const last = list.findLastIndex((step) => step.at !== undefined);
  const shown = isFinal(session) ? list.filter((step) => step.at !== undefined) : list.slice(0, -1);
  return shown.map(({ name, at }, i) => ({
    name,
    ...(at === undefined ? {} : { at }),
    state: i < last || isFinal(session) ? "done" : i === last ? "now" : "next",
  }));
}

export interface BootProgress {
  elapsed: number;
  expected: number | null;
  remaining: number | null;
  late: boolean;
}

/** How far the boot is, in seconds since the request, as `expected_boot_seconds` counts; undefined when nothing boots. */
export function bootProgress(session: Session, now: number): BootProgress | undefined {
  if (isFinal(session) || session.status === "serving" || session.status === "draining") return undefined;
  const from = time(session.created_at) ?? now;
  const elapsed = Math.max(0, (now - from) / 1000);
  const expected = session.expected_boot_seconds ?? null;
  const remaining = expected === null ? null : Math.max(0, expected - elapsed);
  return { elapsed, expected, remaining, late: expected !== null && elapsed > expected };
}
