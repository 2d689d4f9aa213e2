import { describe, expect, it } from "vitest";
import { addDelta, addSnapshot, codePoints, dropPoints, EMPTY, hasGap, type Assembled, type Piece } from "../src/logic/answers";

const from = (text: string): Assembled => addSnapshot(EMPTY, text);

describe("an answer put together from deltas", () => {
  it("appends a delta that begins where the text ends", () => {
    expect(addDelta(from("Bom "), { offset: 4, text: "dia" })).toEqual({ text: "Bom dia", points: 7, ahead: [] });
  });

  it("counts code points, not UTF-16 units", () => {
    const rocket = addDelta(EMPTY, { offset: 0, text: "🚀é" });
    expect(rocket.points).toBe(2);
    expect(addDelta(rocket, { offset: 2, text: "!" }).text).toBe("🚀é!");
    expect(addDelta(rocket, { offset: 1, text: "é!" }).text).toBe("🚀é!");
  });

  it("drops what it already has", () => {
    expect(addDelta(from("Bom dia"), { offset: 4, text: "dia, Ana" }).text).toBe("Bom dia, Ana");
    expect(addDelta(from("Bom dia"), { offset: 0, text: "Bom" }).text).toBe("Bom dia");
    expect(addDelta(from("Bom dia"), { offset: 7, text: "" }).text).toBe("Bom dia");
  });

  it("keeps what lies behind a gap until the gap is filled", () => {
    const ahead = addDelta(from("ab"), { offset: 4, text: "ef" });
    expect([ahead.text, hasGap(ahead)]).toEqual(["ab", true]);
    const further = addDelta(ahead, { offset: 6, text: "gh" });
    const whole = addDelta(further, { offset: 2, text: "cd" });
    expect([whole.text, hasGap(whole)]).toEqual(["abcdefgh", false]);
  });

  it("fills a gap from a snapshot", () => {
    const ahead = addDelta(from("ab"), { offset: 4, text: "ef" });
    expect(addSnapshot(ahead, "abcde")).toEqual({ text: "abcdef", points: 6, ahead: [] });
  });

  it("is not set back by a snapshot that lags behind", () => {
    expect(addSnapshot(from("abcdef"), "abc").text).toBe("abcdef");
  });

  it("follows a second worker that says something else from a checkpoint on", () => {
    const second = addDelta(from("Paris is large"), { offset: 6, text: "was" });
    expect(second).toEqual({ text: "Paris was", points: 9, ahead: [] });
  });

  it("ends in the same text whatever order the pieces come in", () => {
    const text = "Olá 🌎, tudo bem? ".repeat(4);
    const chars = [...text];
    const pieces: Piece[] = [];
    for (let i = 0; i < chars.length; i += 5) pieces.push({ offset: i, text: chars.slice(i, i + 8).join("") });
    let seed = 7;
    for (let round = 0; round < 200; round++) {
      const order = pieces
        .map((piece) => ({ piece, key: (seed = (seed * 48271) % 2147483647) }))
        .sort((a, b) => a.key - b.key)
        .map(({ piece }) => piece);
      const whole = [...order, ...order.slice(0, 3)].reduce(addDelta, EMPTY);
      expect(whole).toEqual({ text, points: chars.length, ahead: [] });
    }
  });
});

it("drops code points from the front", () => {
  expect([dropPoints("🚀ab", 1), dropPoints("ab", 5), dropPoints("ab", 0)]).toEqual(["ab", "", "ab"]);
  expect(codePoints("🚀ab")).toBe(3);
});
