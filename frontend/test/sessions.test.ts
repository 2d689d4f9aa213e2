import { expect, it } from "vitest";
import { cost } from "../src/logic/prices";
import { liveSession, mergeSessions, power, runningSeconds } from "../src/logic/sessions";
import type { Session } from "../src/types";
import { AT as MADE_AT, instance, receipt, session, spend as spending } from "./made";

const AT = Date.parse(MADE_AT);
const after = (seconds: number) => new Date(AT + seconds * 1000).toISOString();

it("takes a record only if its version is newer", () => {
  const have = [session({ version: 3, status: "serving" })];
  expect(mergeSessions(have, [session({ version: 2, status: "booting" })])).toBe(have);
  expect(mergeSessions(have, [session({ version: 3 })])).toBe(have);
  expect(mergeSessions(have, [session({ version: 4, status: "draining" })])[0]?.status).toBe("draining");
});

it("keeps what is known of boots, which only some answers carry", () => {
  const boots = { low: 100, expected: 150, high: 200, late: 240, count: 9 };
  const asked = mergeSessions([], [session({ boots })]);
  const pushed = mergeSessions(asked, [session({ version: 2, status: "booting", boots: null })]);
  expect(pushed[0]).toMatchObject({ status: "booting", boots });
  expect(mergeSessions(pushed, [session({ version: 2, boots: { ...boots } })])).toBe(pushed);
  const late = mergeSessions([session({ version: 2 })], [session({ version: 2, boots })]);
  expect(late[0]?.boots).toEqual(boots);
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
  expect(of({ status: "launching", instance: instance({ type: null }) })).toBe("on");
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
  const running = session({ launched_at: after(0), instance: instance({ lifecycle: "on-demand" }) });
  expect(cost(running, AT + 3_600_000)).toEqual({ usd: 0.805 + 0.016, exact: false });
  expect(cost(running, AT + 1000).usd).toBeCloseTo(0.821 / 60); // the minute that EC2 bills at least
  expect(cost(session(), AT).usd).toBe(0);
  expect(cost({ ...running, receipt: receipt({ total_usd: 0.5 }) }, AT)).toEqual({ usd: 0.5, exact: true });
});

it("counts each instance at the price that was noted when it was bought", () => {
  const launches = [
    { launched_at: after(0), gpu_usd_per_hour: 0.4 },
    { launched_at: after(1800), gpu_usd_per_hour: 0.8 },
  ];
  const spend = spending({ gpu_usd_per_hour: 0.8, usd_per_hour: 0.816, launches });
  const running = session({ launched_at: after(1800), spend });
  const { usd, exact } = cost(running, AT + 3_600_000);
  expect(usd).toBeCloseTo(0.5 * 0.416 + 0.5 * 0.816);
  expect(exact).toBe(true);
  const unpriced = { ...spend, launches: [launches[0]!, { launched_at: after(1800), gpu_usd_per_hour: null }] };
  expect(cost({ ...running, spend: unpriced }, AT + 3_600_000).exact).toBe(false);
});
