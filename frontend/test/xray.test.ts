import { expect, it } from "vitest";
import { traceHeader } from "../src/logic/xray";

it.each([0, 1_795_989_658_821, 4_000_000_000_000])("names a trace as X-Ray does, at %d", (now) => {
  const header = traceHeader(now);
  expect(header).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
  expect(parseInt(header.slice(7, 15), 16)).toBe(Math.floor(now / 1000));
});

it("names each anew", () => {
  const names = Array.from({ length: 500 }, () => traceHeader(0));
  expect(new Set(names).size).toBe(500);
});
