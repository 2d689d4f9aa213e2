import { expect, it } from "vitest";
import { etaOf, roughly, usually } from "../src/logic/eta";
import { AT as MADE_AT, session } from "./made";

const AT = Date.parse(MADE_AT);
const BOOTS = { low: 290, expected: 350, high: 425, late: 480, count: 23 };

it("says what is usual, and when a boot is later than that", () => {
  const booting = session({ status: "booting", boots: BOOTS });
  const late = (seconds: number, count = 23) => etaOf({ ...booting, boots: { ...BOOTS, count } }, AT + seconds * 1000)?.late;
  expect(etaOf(booting, AT + 190_000)).toMatchObject({ elapsed: 190, remaining: 160, late: "no" });
  expect([late(426), late(481), late(481, 7), late(470, 7)]).toEqual(["usual", "many", "few", "usual"]);
  expect(usually(BOOTS)).toEqual(["5", "7 min"]);
});

it("says one length where the two are the same", () => {
  expect(usually({ ...BOOTS, low: 281, high: 320 })).toEqual(["5 min"]);
  expect(usually({ ...BOOTS, low: 45, high: 320 })).toEqual(["50 s", "5 min"]);
});

it.each([[4.2, "4 s"], [0.2, "1 s"], [47, "50 s"], [95, "1 min 40 s"], [125, "2 min"], [3700, "1 h 02 min"]])("%d s are roughly %s", (seconds, text) => {
  expect(roughly(seconds)).toBe(text);
});

it("says nothing of what does not boot, or of what nobody has seen boot", () => {
  const at = AT + 10_000;
  for (const status of ["serving", "draining", "ended", "failed"] as const) expect(etaOf(session({ status, boots: BOOTS }), at)).toBeUndefined();
  expect(etaOf(session({ status: "booting", boots: BOOTS, end_requested: true }), at)).toBeUndefined();
  expect(etaOf(session({ status: "booting" }), at)).toBeUndefined();
});
