import { expect, it } from "vitest";
import { afterwards, isInWork } from "../src/logic/work";
import { inWork } from "../src/ui/InWork";
import type { SessionWork } from "../src/types";

const batch = (owner: SessionWork["batches"][number]["owner"], left: number, goes_on = owner !== "you") => ({
  id: null,
  owner,
  lines: 60,
  lines_left: left,
  goes_on,
});
const work = (yours: number, of_others: number, ...batches: SessionWork["batches"]): SessionWork => ({
  ...{ object: "session.work", session_id: "ses_1", other_sessions: 0 },
  messages: { yours, of_others },
  batches,
});

it("asks only where something would end or move on", () => {
  expect(isInWork(work(0, 0))).toBe(false);
  expect(isInWork(work(2, 0))).toBe(true); // a question that waits may end without an answer
  expect(isInWork(work(0, 1))).toBe(true);
  expect(isInWork(work(0, 0, batch("you", 3)))).toBe(true);
});

it("counts batches and lines, and says whose they are", () => {
  const said = inWork(work(1, 2, batch("you", 3), batch("somebody_else", 20), batch("schedule", 4)));
  expect(said).toHaveLength(4);
  expect(said[0]).toMatch(/1.*3/);
  expect(said[1]).toMatch(/2.*24/);
});

it("says afterwards what goes on, and nothing where nothing does", () => {
  expect(afterwards(undefined)).toBeNull();
  expect(afterwards(work(0, 3, batch("you", 1)))).toBeNull();
  expect(afterwards(work(0, 0, batch("somebody_else", 1, false)))).toBeNull();
  expect(afterwards(work(0, 0, batch("somebody_else", 1)))).toMatch(/1/);
  expect(afterwards(work(3, 0))).toMatch(/3/);
  expect(afterwards(work(3, 0, batch("schedule", 1)))).toMatch(/3.*1/);
});
