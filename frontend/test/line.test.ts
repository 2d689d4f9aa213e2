import { expect, it } from "vitest";
import { isLastKnown, lineOf, QUIET_MS, type Known } from "../src/logic/line";

const well: Known = { online: true, socket: "open", answered: true, quietMs: 0 };

it.each<[string, Partial<Known>, string]>([
  ["all is well", {}, "open"],
  ["it is quiet between two pings", { quietMs: QUIET_MS }, "open"],
  ["nothing came for too long", { quietMs: QUIET_MS + 1 }, "late"],
  ["the device has no network", { online: false }, "offline"],
  ["no network counts before a server that does not answer", { online: false, answered: false }, "offline"],
  ["the server does not answer", { answered: false }, "unreachable"],
  ["it does not answer and the socket is down too", { answered: false, socket: "waiting" }, "unreachable"],
  ["the socket alone is down", { socket: "waiting" }, "waiting"],
  ["it is being built up", { socket: "connecting", quietMs: QUIET_MS * 2 }, "connecting"],
])("%s", (_, change, line) => expect(lineOf({ ...well, ...change })).toBe(line));

it("says what is shown as of when it was heard, once that is not now", () => {
  expect(isLastKnown("open", 0)).toBe(false);
  expect(isLastKnown("waiting", 1_000)).toBe(false); // a line that breaks for a moment is no news
  expect(isLastKnown("waiting", 9_000)).toBe(true);
  for (const line of ["offline", "unreachable", "late"] as const) expect(isLastKnown(line, 0)).toBe(true);
});
