import { expect, it } from "vitest";
import { addingUp } from "../src/logic/format";
import { progress } from "../src/logic/batches";
import { isToy, sizeOf } from "../src/logic/size";
import type { Batch } from "../src/types";

it("counts only what comes near the model's context", () => {
  expect(sizeOf("a".repeat(1_000), 8_192)).toBeNull();
  expect(sizeOf("a".repeat(1_000_000), null)).toBeNull();
  expect(sizeOf("a".repeat(20_000), 8_192)).toEqual({ tokens: 5_715, most: 8_192, tooLong: false });
  expect(sizeOf("a".repeat(40_000), 8_192)?.tooLong).toBe(true);
  expect(sizeOf("é".repeat(15_000), 8_192)?.tooLong).toBe(true); // two bytes each
});

it("knows the demonstration's model from the real one", () => {
  expect(["smollm2-135m-instruct", "mistral-7b-instruct-v0.3", undefined].map(isToy)).toEqual([true, false, false]);
});

it.each([
  [[0.00444, 0.00444, 0.00444], 0.01332, 0.0133],
  [[0.12345, 0.00005, 0.00004], 0.12354, 0.1235],
  [[0.905, 0.334, 0.0], 1.239, 1.24],
  [[0, 0, 0], 0, 0],
])("rounds %j so that they add up to %f as it is shown", (parts, sum, shown) => {
  const rounded = addingUp(parts, sum);
  expect(rounded.reduce((all, one) => all + one, 0)).toBeCloseTo(shown, 9);
  rounded.forEach((one, i) => expect(Math.abs(one - parts[i]!)).toBeLessThan(sum < 1 ? 1e-4 : 1e-2));
});

it("does not make parts up where they are not the whole sum", () => {
  expect(addingUp([0.00444, 0.1], 5)).toEqual([0, 0.1]);
});

it("shows a batch that was cancelled as far as it came", () => {
  const counts = { total: 10, completed: 3, failed: 7 };
  const at = (status: string) => progress({ status, request_counts: counts } as Batch);
  expect(at("cancelled")).toMatchObject({ settled: 3, share: 0.3 });
  expect(at("expired")).toMatchObject({ settled: 3, share: 0.3 });
  expect(at("completed")).toMatchObject({ settled: 10, share: 1 });
});
