/**
 * What a GPU is likely to cost before its receipt says what it did cost: US dollars per hour, the upper end of the
 * range seen in us-east-1 in November 2026 (AWS price list; spot price history). Shown as "about", never summed, and
 * only until the session says what its instance costs.
 */
import type { Session } from "../types";
import { runningSeconds, time } from "./sessions";

interface Price {
  spot: number;
  onDemand: number;
}

const BY_TYPE: Record<string, Price> = {
  "g6.xlarge": { spot: 0.44, onDemand: 0.805 },
  "g5.xlarge": { spot: 0.51, onDemand: 1.006 },
  "g4dn.xlarge": { spot: 0.21, onDemand: 0.526 },
};

/** Of the types that a session may get, the dearest: an estimate should not flatter. */
export const USUAL: Price = { spot: 0.51, onDemand: 1.006 };

export function hourlyUsd(session: Session): number {
  const price = BY_TYPE[session.instance?.type ?? ""] ?? USUAL;
  return session.instance?.lifecycle === "on-demand" ? price.onDemand : price.spot;
}

export const MINIMUM_S = 60; // EC2 bills at least this much of an instance
const BESIDE_USD = 0.016; // per hour: 100 GB of gp3 and a public IPv4 address

/** What `[from, until)` of one instance costs at a GPU's hourly price. */
function stretch(from: number, until: number, hourly: number): number {
  return (Math.max(MINIMUM_S, (until - from) / 1000) / 3600) * (hourly + BESIDE_USD);
}

/**
 * The receipt's total once there is one; else what the instances have cost until now, each at the price that was noted
 * when it was bought. `exact`: false while a price is our own guess.
 */
export function cost(session: Session, now: number): { usd: number; exact: boolean } {
  if (typeof session.receipt?.total_usd === "number") return { usd: session.receipt.total_usd, exact: true };
  if (!session.launched_at) return { usd: 0, exact: false };
  const launches = session.spend?.launches ?? [];
  if (launches.length === 0) {
    const from = now - runningSeconds(session, now) * 1000;
    return { usd: stretch(from, now, hourlyUsd(session)), exact: false };
  }
  const starts = launches.map((launch) => Date.parse(launch.launched_at));
  const end = time(session.ended_at) ?? now;
  const sum = launches.reduce(
    (all, launch, i) => all + stretch(starts[i] ?? end, starts[i + 1] ?? end, launch.gpu_usd_per_hour ?? hourlyUsd(session)),
    0,
  );
  return { usd: sum, exact: launches.every((launch) => typeof launch.gpu_usd_per_hour === "number") };
}
