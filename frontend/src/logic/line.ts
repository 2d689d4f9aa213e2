/**
 * What the page knows of its line to the server. Refused (the sign-in's business), unreachable and late are three
 * things. Pure: time comes in as milliseconds.
 */

export type SocketState = "connecting" | "open" | "waiting" | "closed";

/** `offline`: the device has no network. `unreachable`: it has, and the server does not answer. `late`: the line looks
 * open, and nothing has come for longer than a healthy one is ever quiet. */
export type Line = SocketState | "offline" | "unreachable" | "late";

/** A line that somebody looks at is asked after 12 s and given up after 7 more (live.ts). */
export const QUIET_MS = 20_000;
/** A line that is being built up again is no news before this. */
const PATIENCE_MS = 8_000;

export interface Known {
  /** The device says that it has a network. */
  online: boolean;
  socket: SocketState;
  /** The newest request was answered, whatever the answer was. */
  answered: boolean;
  /** Since anything came from the server. */
  quietMs: number;
}

export function lineOf({ online, socket, answered, quietMs }: Known): Line {
  if (!online) return "offline";
  if (!answered) return "unreachable";
  if (socket === "open" && quietMs > QUIET_MS) return "late";
  return socket;
}

/** What is shown may not be so any more: it is said as of when it was heard. */
export function isLastKnown(line: Line, quietMs: number): boolean {
  if (line === "offline" || line === "unreachable" || line === "late") return true;
  return line !== "open" && quietMs > PATIENCE_MS;
}
