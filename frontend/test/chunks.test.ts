import { expect, it } from "vitest";
import { chunked, LARGEST, type Chunk } from "../src/logic/chunks";
import type { Message } from "../src/types";
import { message } from "./made";

const exchange = (n: number): Message[] => {
  const id = String(n).padStart(6, "0");
  return [message({ id: `msg_${id}` }), message({ id: `ans_${id}`, role: "assistant", status: "answered" })];
};
const talk = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => exchange(from + i)).flat();
const all = (chunks: readonly Chunk[]) => chunks.flatMap((chunk) => chunk.messages);

it("has every message once, in its order, an answer with its question", () => {
  const messages = talk(0, 113);
  const chunks = chunked([], messages);
  expect(all(chunks)).toEqual(messages);
  expect(chunks.every((chunk) => chunk.messages[0]!.role === "user" && chunk.messages.length <= LARGEST)).toBe(true);
  expect(new Set(chunks.map((chunk) => chunk.key)).size).toBe(chunks.length);
});

it("is the same list where nothing has changed", () => {
  const messages = talk(0, 50);
  const chunks = chunked([], messages);
  expect(chunked(chunks, [...messages])).toBe(chunks);
});

it("changes one piece for a change in one message, for a new one, and for older ones", () => {
  const messages = talk(100, 150);
  const before = chunked([], messages);
  const kept = (after: readonly Chunk[]) => before.filter((chunk) => !after.includes(chunk)).length;

  const changed = chunked(before, messages.with(-1, { ...messages.at(-1)!, content: "more" }));
  expect([kept(changed), changed.length]).toEqual([1, before.length]);
  expect(changed.map((chunk) => chunk.key)).toEqual(before.map((chunk) => chunk.key));

  const longer = chunked(before, [...messages, ...exchange(150)]);
  expect(kept(longer)).toBeLessThanOrEqual(1);
  expect(all(longer)).toHaveLength(102);

  const older = chunked(before, [...talk(60, 100), ...messages]);
  expect(kept(older)).toBe(0);
  expect(all(older)).toEqual([...talk(60, 100), ...messages]);
});

it("keeps its keys while an answer grows and messages are replaced, whatever happens", () => {
  let seed = 7;
  const chance = (of: number) => (seed = (seed * 48271) % 2147483647) % of;
  let [low, high] = [500, 510];
  let messages = talk(low, high);
  let chunks = chunked([], messages);
  for (let turn = 0; turn < 300; turn++) {
    const what = chance(4);
    if (what === 0) messages = [...talk(low - 5, low), ...messages];
    if (what === 0) low -= 5;
    if (what === 1) messages = [...messages, ...exchange(high++)];
    if (what === 2) messages = messages.with(-1, { ...messages.at(-1)!, content: `${turn}` });
    if (what === 3 && messages.length > 4) messages = [...messages.slice(0, -2), ...exchange(high++)]; // asked anew
    chunks = chunked(chunks, messages);
    expect(all(chunks)).toEqual(messages);
    expect(new Set(chunks.map((chunk) => chunk.key)).size).toBe(chunks.length);
    expect(chunks.every((chunk) => chunk.messages.length > 0)).toBe(true);
  }
});
