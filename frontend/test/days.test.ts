import { expect, it } from "vitest";
import { dayOf } from "../src/logic/days";

const at = (text: string) => new Date(text).getTime();

it.each([
  ["2026-11-29T00:00:00", "today"],
  ["2026-11-29T23:59:00", "today"],
  ["2026-11-30T09:00:00", "today"],
  ["2026-11-28T23:59:59", "yesterday"],
  ["2026-11-28T00:00:00", "yesterday"],
  ["2026-11-27T23:59:59", "week"],
  ["2026-11-22T00:00:00", "week"],
  ["2026-11-21T23:59:59", "older"],
  ["2020-02-29T12:00:00", "older"],
])("%s is %s", (text, day) => expect(dayOf(at(text), at("2026-11-29T12:00:00"))).toBe(day));

it("holds over a change of the clocks and of the year", () => {
  expect(dayOf(at("2026-12-31T23:00:00"), at("2027-01-01T00:10:00"))).toBe("yesterday");
  expect(dayOf(at("2026-03-28T23:30:00"), at("2026-03-29T12:00:00"))).toBe("yesterday");
});
