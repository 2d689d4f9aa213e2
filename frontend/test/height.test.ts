import { expect, test } from "vitest";
import { roughHeight } from "../src/logic/height";

test("what is longer, has more lines or less room is taller, and nothing has no height", () => {
  expect(roughHeight([], 600)).toBe(0);
  const [short, long, lines] = [roughHeight(["Yes."], 600), roughHeight(["word ".repeat(500)], 600), roughHeight(["a\n".repeat(40)], 600)];
  expect(short).toBeGreaterThan(40);
  expect(long).toBeGreaterThan(20 * 25);
  expect(lines).toBeGreaterThan(40 * 25);
  expect(roughHeight(["word ".repeat(500)], 300)).toBeGreaterThan(1.8 * (long - 50));
  expect(roughHeight(["Yes.", "Yes."], 600)).toBe(2 * short);
});

test.each([0, -5])("a page that is %d pixels wide has a height all the same", (width) => {
  expect(Number.isFinite(roughHeight(["word"], width))).toBe(true);
});
