/**
 * What a GPU is likely to cost before its receipt says what it did cost: US dollars per hour, the upper end of the
 * range seen in us-east-1 in November 2026 (AWS price list; spot price history). Shown as "about", never summed.
 */
import type { Session } from "../types";
import { runningSeconds } from "./sessions";

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

/** The receipt's total once there is one; an estimate while the GPU runs. */
export function cost(session: Session, now: number): { usd: number; exact: boolean } {
  if (session.receipt) return { usd: session.receipt.total_usd, exact: true };
  return { usd: (runningSeconds(session, now) / 3600) * hourlyUsd(session), exact: false };
}
