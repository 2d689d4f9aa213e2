import { describe, expect, it } from "vitest";
import { bootSteps, nextOf, nodes, refusals, shortZones, stateOf } from "../src/logic/graph";
import type { Session, SessionEvent } from "../src/types";
import { AT as MADE_AT, session } from "./made";

const AT = Date.parse(MADE_AT);
const after = (seconds: number) => new Date(AT + seconds * 1000).toISOString();
const NOW = AT + 1000_000;

const event = (state: SessionEvent["state"], seconds: number, more: Partial<SessionEvent> = {}): SessionEvent => ({
  ...{ state, at: after(seconds), attempt: 0, lifecycle: null, instance_type: null, availability_zone: null, error: null, refused: [] },
  ...more,
});

const pool = (availability_zone: string, error: string, instance_type = "g6.xlarge") => ({ instance_type, availability_zone, code: "Code", error });

const REFUSED = event("refused", 4, { lifecycle: "spot", error: "NoGpuCapacity", refused: [pool("us-east-1b", "NoGpuCapacity"), pool("us-east-1a", "NoGpuCapacity"), pool("us-east-1c", "GpuQuotaExceeded")] });
const BOOTING = [event("requested", 0), REFUSED, event("launched", 10, { lifecycle: "on-demand" }), event("booting", 60), event("loading", 100)];

const shown = (of: Session, now = NOW) => nodes(of, now).map((one) => [one.name, one.state, one.seconds]);

describe("the machine's states", () => {
  it("say what came, how long it took, what is now and what comes", () => {
    const booting = session({ status: "booting", events: BOOTING });
    expect(shown(booting, AT + 130_000)).toEqual([
      ["requested", "done", 0],
      ["launching", "done", 10],
      ["booting", "now", 120],
      ["serving", "next", undefined],
      ["draining", "next", undefined],
      ["over", "next", undefined],
    ]);
    expect(nextOf(booting)).toBe("serving");
  });

  it.each([
    ["requested", {}, "requested", "launching"],
    ["launching", {}, "launching", "booting"],
    ["serving", {}, "serving", "draining"],
    ["serving", { end_requested: true }, "draining", "over"],
    ["draining", {}, "draining", "over"],
    ["booting", { end_requested: true }, "draining", "over"],
    ["ended", {}, "over", undefined],
    ["failed", {}, "over", undefined],
  ] as const)("%s %o is %s, and then %s", (status, more, state, next) => {
    expect(stateOf(session({ status, ...more }))).toBe(state);
    expect(nextOf(session({ status, ...more }))).toBe(next);
  });

  it("of a session that is over are those that it came to", () => {
    const failed = session({ status: "failed", error: { code: "NoGpuCapacity", message: "" }, ended_at: after(6), events: [event("requested", 0), REFUSED, event("failed", 6)] });
    expect(shown(failed)).toEqual([["requested", "done", 0], ["launching", "done", 6], ["over", "failed", undefined]]);
    const served = [...BOOTING, event("healthy", 200), event("end_requested", 300), event("terminated", 310), event("ended", 312)];
    const ended = session({ status: "ended", ended_at: after(312), events: served });
    expect(shown(ended)).toEqual([
      ["requested", "done", 0],
      ["launching", "done", 10],
      ["booting", "done", 190],
      ["serving", "done", 100],
      ["draining", "done", 10],
      ["over", "done", undefined],
    ]);
  });

  it("begin anew with another GPU", () => {
    const lost = session({ status: "booting", attempt: 1, events: [...BOOTING, event("healthy", 200), event("launched", 500, { attempt: 1 })] });
    expect(shown(lost, AT + 520_000).slice(1, 4)).toEqual([["launching", "done", 0], ["booting", "now", 20], ["serving", "next", undefined]]);
  });

  it("know a session of which nothing is noted yet", () => {
    expect(shown(session({ events: [] }), AT + 5_000)[0]).toEqual(["requested", "now", 5]);
  });
});

describe("a boot's steps", () => {
  it("are those of the newest GPU, and of a prepared image nothing is downloaded", () => {
    const names = (events: SessionEvent[], attempt = 0) =>
      bootSteps(session({ status: "booting", attempt, events }), AT + 130_000).map((one) => [one.name, one.state, one.seconds]);
    expect(names(BOOTING)).toEqual([["booting", "done", 40], ["loading", "now", 30], ["healthy", "next", undefined]]);
    expect(names([...BOOTING.slice(0, 4), event("prepared", 70)])).toEqual([
      ["booting", "done", 10],
      ["prepared", "now", 60],
      ["loading", "next", undefined],
      ["healthy", "next", undefined],
    ]);
    expect(names([...BOOTING, event("launched", 120, { attempt: 1 })], 1).map(([, state]) => state)).toEqual(["next", "next", "next", "next"]);
  });
});

describe("what was refused", () => {
  it("stands by kind of purchase and reason, with its zones and types", () => {
    expect(refusals(session({ events: BOOTING }))).toEqual([
      { lifecycle: "spot", error: "NoGpuCapacity", zones: ["us-east-1a", "us-east-1b"], types: ["g6.xlarge"] },
      { lifecycle: "spot", error: "GpuQuotaExceeded", zones: ["us-east-1c"], types: ["g6.xlarge"] },
    ]);
    const call = event("refused", 2, { lifecycle: "spot", refused: [pool("unknown", "LaunchNotAuthorized", "unknown")] });
    expect(refusals(session({ events: [call] }))).toEqual([{ lifecycle: "spot", error: "LaunchNotAuthorized", zones: [], types: [] }]);
  });

  it("names a region once", () => {
    expect(shortZones(["us-east-1a", "us-east-1b", "us-east-2a"])).toBe("us-east-1a, b, us-east-2a");
    expect(shortZones([])).toBe("");
  });
});
