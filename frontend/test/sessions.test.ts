import { expect, it } from "vitest";
import { cost } from "../src/logic/prices";
import { bootProgress, liveSession, mergeSessions, power, runningSeconds, steps } from "../src/logic/sessions";
import type { Session } from "../src/types";

const AT = Date.parse("2026-11-21T20:00:00.000Z");
const after = (seconds: number) => new Date(AT + seconds * 1000).toISOString();

const session = (changes: Partial<Session> = {}): Session => ({
  id: "ses_1",
  object: "session",
  status: "requested",
  version: 1,
  created_at: after(0),
  attempt: 0,
  phases: [],
  ...changes,
});

it("takes a record only if its version is newer", () => {
  const have = [session({ version: 3, status: "serving" })];
  expect(mergeSessions(have, [session({ version: 2, status: "booting" })])).toBe(have);
  expect(mergeSessions(have, [session({ version: 3 })])).toBe(have);
  expect(mergeSessions(have, [session({ version: 4, status: "draining" })])[0]?.status).toBe("draining");
});

it("keeps the expected boot time, which only some answers carry", () => {
  const asked = mergeSessions([], [session({ expected_boot_seconds: 150 })]);
  const pushed = mergeSessions(asked, [session({ version: 2, status: "booting", expected_boot_seconds: null })]);
  expect(pushed[0]).toMatchObject({ status: "booting", expected_boot_seconds: 150 });
  const late = mergeSessions([session({ version: 2 })], [session({ version: 2, expected_boot_seconds: 90 })]);
  expect(late[0]?.expected_boot_seconds).toBe(90);
});

it("lists the newest first and finds the one that is live", () => {
  const list = mergeSessions([], [
    session({ status: "ended" }),
    session({ id: "ses_2", created_at: after(60), status: "booting" }),
  ]);
  expect(list.map((s) => s.id)).toEqual(["ses_2", "ses_1"]);
  expect(liveSession(list)?.id).toBe("ses_2");
});

it("says whether a GPU is on", () => {
  const of = (changes: Partial<Session>) => power(session(changes));
  expect(power(undefined)).toBe("off");
  expect(of({ status: "requested" })).toBe("coming");
  expect(of({ status: "launching" })).toBe("coming");
  expect(of({ status: "launching", instance: { id: "i-1" } })).toBe("on");
  expect(of({ status: "booting" })).toBe("on");
  expect(of({ status: "serving" })).toBe("on");
  expect(of({ status: "serving", end_requested: true })).toBe("leaving");
  expect(of({ status: "draining" })).toBe("leaving");
  expect([of({ status: "ended" }), of({ status: "failed" })]).toEqual(["off", "off"]);
});

it("counts the seconds from launch to end", () => {
  expect(runningSeconds(session(), AT)).toBe(0);
  expect(runningSeconds(session({ launched_at: after(10) }), AT + 70_000)).toBe(60);
  expect(runningSeconds(session({ launched_at: after(10), ended_at: after(40) }), AT + 70_000)).toBe(30);
  expect(runningSeconds(session({ launched_at: after(10) }), AT)).toBe(0); // a clock that is behind
});

it("estimates the cost until the receipt says it", () => {
  const running = session({ launched_at: after(0), instance: { id: "i-1", type: "g6.xlarge", lifecycle: "on-demand" } });
  expect(cost(running, AT + 3_600_000)).toEqual({ usd: 0.805 + 0.016, exact: false });
  expect(cost(running, AT + 1000).usd).toBeCloseTo(0.821 / 60); // the minute that EC2 bills at least
  expect(cost(session(), AT).usd).toBe(0);
  expect(cost({ ...running, receipt: { session_id: "ses_1", total_usd: 0.5 } }, AT)).toEqual({ usd: 0.5, exact: true });
});

it("counts each instance at the price that was noted when it was bought", () => {
  const launches = [
    { launched_at: after(0), gpu_usd_per_hour: 0.4 },
    { launched_at: after(1800), gpu_usd_per_hour: 0.8 },
  ];
  const spend = { gpu_usd_per_hour: 0.8, usd_per_hour: 0.816, launches };
  const running = session({ launched_at: after(1800), spend });
  const { usd, exact } = cost(running, AT + 3_600_000);
  expect(usd).toBeCloseTo(0.5 * 0.416 + 0.5 * 0.816);
  expect(exact).toBe(true);
  const unpriced = { ...spend, launches: [launches[0]!, { launched_at: after(1800), gpu_usd_per_hour: null }] };
  expect(cost({ ...running, spend: unpriced }, AT + 3_600_000).exact).toBe(false);
});

it("shows the steps of the attempt that is running", () => {
  const booting = session({
    status: "booting",
    attempt: 1,
    launched_at: after(50),
    phases: [
      { name: "booting", at: after(20), attempt: 0 },
      { name: "loading", at: after(30), attempt: 0 },
      { name: "booting", at: after(80), attempt: 1 },
    ],
  });
  expect(steps(booting).map((step) => [step.name, step.state])).toEqual([
    ["requested", "done"],
    ["launched", "done"],
    ["booting", "now"],
    ["loading", "next"],
    ["healthy", "next"],
  ]);
  expect(steps(booting)[2]?.at).toBe(AT + 80_000);
  const failed = session({ status: "failed", ended_at: after(9) });
  expect(steps(failed).map((step) => [step.name, step.state])).toEqual([["requested", "done"], ["ended", "done"]]);
});

it.each(["downloading", "prepared"] as const)("shows whether the machine has to download: %s", (fetched) => {
  const booting = session({
    status: "booting",
    launched_at: after(9),
    phases: [
      { name: "booting", at: after(20), attempt: 0 },
      { name: fetched, at: after(21), attempt: 0 },
      { name: "loading", at: after(30), attempt: 0 },
    ],
  });
  expect(steps(booting).map((step) => step.name)).toEqual([
    "requested",
    "launched",
    "booting",
    fetched,
    "loading",
    "healthy",
  ]);
});

it("tells how long the boot will still take", () => {
  const booting = session({ status: "booting", launched_at: after(9), expected_boot_seconds: 150 });
  expect(bootProgress(booting, AT + 50_000)).toEqual({ elapsed: 50, expected: 150, remaining: 100, late: false });
  expect(bootProgress(booting, AT + 160_000)).toMatchObject({ remaining: 0, late: true });
  expect(bootProgress({ ...booting, expected_boot_seconds: null }, AT)).toMatchObject({ remaining: null, late: false });
  expect(bootProgress({ ...booting, status: "serving" }, AT)).toBeUndefined();
});
