/**
 * A session as its state machine: which state it is in, since when, what came before and what comes next. Made of the
 * events that the API tells, so who comes late sees all of it. Pure: time comes in as milliseconds.
 */
import type { Session, SessionEvent } from "../types";
import { isFinal, time } from "./sessions";

export const STATES = ["requested", "launching", "booting", "serving", "draining", "over"] as const;
export type StateName = (typeof STATES)[number];

/** `seconds`: how long it took, or has taken so far; undefined: it has not come, or nobody noted when. */
export interface Node {
  name: StateName;
  state: "done" | "now" | "next" | "failed";
  from?: number;
  seconds?: number;
}

/** A step within the boot. */
export interface Step {
  name: "booting" | "downloading" | "prepared" | "loading" | "healthy";
  state: "done" | "now" | "next";
  seconds?: number;
}

/** What EC2 did not sell, for one reason: `zones` and `types` without repetition; none of either: the whole call. */
export interface Refusal {
  lifecycle: string;
  error: string;
  zones: readonly string[];
  types: readonly string[];
}

const at = (event: SessionEvent | undefined) => time(event?.at);

function named(session: Session, name: SessionEvent["state"], attempt?: number): SessionEvent | undefined {
  return session.events.find((one) => one.state === name && (attempt === undefined || one.attempt === attempt));
}

/** When each state of the attempt that runs began, as far as it has. */
function begins(session: Session): Partial<Record<StateName, number>> {
  const attempt = session.attempt;
  const launched = at(named(session, "launched", attempt)) ?? time(session.launched_at);
  // A GPU that was lost is bought again some moments after its loss, which nobody notes: what is known is when the next was looked for.
  const sought = attempt > 0 ? (at(named(session, "refused", attempt)) ?? launched) : time(session.created_at);
  const found: Partial<Record<StateName, number | undefined>> = {
    requested: time(session.created_at),
    launching: sought,
    booting: launched,
    serving: at(named(session, "healthy", attempt)) ?? time(session.healthy_at),
    draining: at(named(session, "end_requested")),
    over: at(named(session, "terminated")) ?? time(session.ended_at),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as Partial<Record<StateName, number>>;
}

/** The state that it is in. */
export function stateOf(session: Session): StateName {
  if (isFinal(session)) return "over";
  if (session.status === "draining" || session.end_requested) return "draining";
  if (session.status === "serving") return "serving";
  return session.status === "booting" ? "booting" : session.status === "launching" ? "launching" : "requested";
}

/** In the machine's order. Of a session that is over only what it came to. */
export function nodes(session: Session, now: number): Node[] {
  const since = begins(session);
  const current = stateOf(session);
  const reached = STATES.indexOf(current);
  const came = (name: StateName) => since[name] !== undefined || name === current;
  const shown = STATES.filter((name) => !isFinal(session) || came(name));
  return shown.map((name) => {
    const from = since[name];
    const place = STATES.indexOf(name);
    const state = name === current ? (session.error ? "failed" : isFinal(session) ? "done" : "now") : place < reached && came(name) ? "done" : "next";
    const follower = STATES.slice(place + 1).map((later) => since[later]).find((value) => value !== undefined);
    const until = state === "done" || state === "failed" ? follower : now;
    const counts = from !== undefined && until !== undefined && state !== "next" && name !== "over";
    return {
      name,
      state,
      ...(from === undefined ? {} : { from }),
      ...(counts ? { seconds: Math.max(0, (until - from) / 1000) } : {}),
    };
  });
}

/** What comes after the state it is in; undefined at its end. */
export function nextOf(session: Session): StateName | undefined {
  if (isFinal(session)) return undefined;
  const current = stateOf(session);
  return current === "draining" ? "over" : STATES[STATES.indexOf(current) + 1];
}

/** The steps of the newest GPU's boot. The machine says whether anything was downloaded. */
export function bootSteps(session: Session, now: number): Step[] {
  const phase = (name: Step["name"]) => at(session.events.findLast((one) => one.state === name && one.attempt === session.attempt));
  const fetched = phase("prepared") !== undefined ? "prepared" : "downloading";
  const order: Step["name"][] = ["booting", fetched, "loading", "healthy"];
  const times = order.map(phase);
  const last = times.findLastIndex((value) => value !== undefined);
  const isUp = ["serving", "draining", "over"].includes(stateOf(session)); // what was not told by then is not told any more
  const over = isFinal(session);
  return order.flatMap((name, i): Step[] => {
    const from = times[i];
    if (from === undefined && (isUp || i < last)) return [];
    const until = times.slice(i + 1).find((value) => value !== undefined) ?? (over || i === order.length - 1 ? undefined : now);
    const state = from === undefined ? "next" : i < last || over || name === "healthy" ? "done" : "now";
    return [{ name, state, ...(from !== undefined && until !== undefined ? { seconds: Math.max(0, (until - from) / 1000) } : {}) }];
  });
}

/** What was refused to the GPU that is looked for, or to the session as a whole: by kind of purchase and reason. */
export function refusals(session: Session): Refusal[] {
  const found = new Map<string, { lifecycle: string; error: string; zones: Set<string>; types: Set<string> }>();
  for (const event of session.events) {
    if (event.state !== "refused") continue;
    for (const one of event.refused) {
      const lifecycle = event.lifecycle ?? "";
      const key = `${lifecycle} ${one.error}`;
      const group = found.get(key) ?? { lifecycle, error: one.error, zones: new Set(), types: new Set() };
      if (one.availability_zone !== UNKNOWN) group.zones.add(one.availability_zone);
      if (one.instance_type !== UNKNOWN) group.types.add(one.instance_type);
      found.set(key, group);
    }
  }
  return [...found.values()].map((group) => ({ ...group, zones: [...group.zones].sort(), types: [...group.types].sort() }));
}

const UNKNOWN = "unknown";

/** `us-east-1a, us-east-1b` as `us-east-1a, b`. */
export function shortZones(zones: readonly string[]): string {
  return zones
    .map((zone, i) => {
      const region = zone.slice(0, -1);
      return i > 0 && zones[i - 1]!.slice(0, -1) === region ? zone.slice(-1) : zone;
    })
    .join(", ");
}
