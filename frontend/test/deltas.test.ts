import { expect, it } from "vitest";
import { TOGETHER_MS, TYPING_TOGETHER_MS, together } from "../src/actions/deltas";
import type { Delta } from "../src/logic/chat";

const piece = (offset: number, text: string): Delta => ({ message_id: "msg_1", offset, text });

function played() {
  const taken: [string, string][] = [];
  const timers: [() => void, number][] = [];
  const clock = { now: 1_000, typing: false, shown: () => {} };
  const got = together(
    (id, deltas) => taken.push([id, deltas.map((one) => one.text).join("|")]),
    () => clock.now,
    (work, ms) => timers.push([work, ms]),
    () => clock.typing,
    (work) => (clock.shown = work),
  );
  const later = (ms: number) => {
    clock.now += ms;
    for (const [work] of timers.splice(0)) work();
  };
  return { taken, timers, clock, got, later };
}

it("takes one that comes alone at once, however many have come before", () => {
  const { taken, timers, clock, got } = played();
  for (const text of ["Of ", "queues", "."]) {
    got("a", piece(0, text));
    expect(taken.at(-1)).toEqual(["a", text]);
    clock.now += TOGETHER_MS;
  }
  expect([taken.length, timers.length]).toEqual([3, 0]);
});

it("takes those that follow closely together, in order, each conversation's by itself", () => {
  const { taken, timers, got, later, clock } = played();
  got("a", piece(0, "Of "));
  clock.now += 4;
  got("a", piece(3, "queues "));
  got("b", piece(0, "other"));
  got("a", piece(10, "it "));
  expect([taken.length, timers.map(([, ms]) => ms)]).toEqual([1, [TOGETHER_MS - 4]]);
  later(TOGETHER_MS - 4);
  expect(taken.slice(1)).toEqual([["a", "queues |it "], ["b", "other"]]);
  got("a", piece(13, "is"));
  later(TOGETHER_MS);
  expect(taken.at(-1)).toEqual(["a", "is"]);
});

it("takes them in larger parts while somebody types, when a key has just been shown", () => {
  const { taken, timers, clock, got, later } = played();
  got("a", piece(0, "Of "));
  clock.typing = true;
  for (let n = 0; n < 3; n++) {
    clock.now += 50;
    got("a", piece(0, `${n} `));
  }
  clock.shown(); // too early
  expect([taken.length, timers.map(([, ms]) => ms)]).toEqual([1, [2 * TYPING_TOGETHER_MS - 50]]);
  clock.now += TYPING_TOGETHER_MS - 150;
  clock.shown();
  expect(taken.slice(1)).toEqual([["a", "0 |1 |2 "]]);
  got("a", piece(0, "3 "));
  timers.shift()![0](); // the timer of those that were taken
  expect(taken.length).toBe(2);
  later(2 * TYPING_TOGETHER_MS); // no key comes
  expect(taken.at(-1)).toEqual(["a", "3 "]);
  clock.shown(); // nothing waits
  expect(taken.length).toBe(3);
});
