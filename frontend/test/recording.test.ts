import { expect, test } from "vitest";
import { loudness, LONGEST_S, PART_S, Recording, shownLevel } from "../src/logic/recording";
import { Downsampler, HERTZ, wavOf } from "../src/logic/wav";

/** A tone, in pieces as a microphone gives them. */
function tone(hertz: number, pitch: number, seconds: number, loud = 0.5): Float32Array[] {
  const all = Float32Array.from({ length: Math.round(hertz * seconds) }, (_, i) => loud * Math.sin((2 * Math.PI * pitch * i) / hertz));
  const pieces: Float32Array[] = [];
  for (let at = 0, size = 1; at < all.length; at += size, size = (size * 7) % 2_048 || 128) pieces.push(all.subarray(at, at + size));
  return pieces;
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

const slower = (hertz: number, pieces: Float32Array[]) => {
  const by = new Downsampler(hertz);
  return joined([...pieces.map((one) => by.feed(one)), by.end()]);
};

test.each([8_000, 16_000, 22_050, 44_100, 48_000, 96_000])("a voice of a microphone at %d Hz is as long and as loud at 16,000", (hertz) => {
  for (const pitch of [200, 1_000, 3_000]) {
    const made = slower(hertz, tone(hertz, pitch, 1));
    expect(Math.abs(made.length - HERTZ)).toBeLessThan(60);
    expect(loudness(made.subarray(2_000, 14_000))).toBeCloseTo(0.5 / Math.SQRT2, 1);
    const crossings = made.subarray(0, HERTZ).reduce((sum, one, i) => sum + (i > 0 && one >= 0 !== made[i - 1]! >= 0 ? 1 : 0), 0);
    expect(crossings / 2).toBeGreaterThan(pitch * 0.97);
    expect(crossings / 2).toBeLessThan(pitch * 1.03);
  }
});

test("what is too high for 16,000 samples a second is not heard as something else", () => {
  for (const pitch of [10_000, 15_000]) expect(loudness(slower(48_000, tone(48_000, pitch, 0.5)).subarray(500, 7_000))).toBeLessThan(0.01);
});

test("samples do not depend on the pieces in which they come", () => {
  const pieces = tone(48_000, 440, 0.5);
  const [some, all] = [slower(48_000, pieces), slower(48_000, [joined(pieces)])];
  expect(some.length).toBe(all.length);
  expect(some.every((one, i) => Math.abs(one - all[i]!) < 1e-6)).toBe(true);
});

test("a WAV file says what it is, and holds each sample", () => {
  const view = new DataView(wavOf(Float32Array.from([0, 1, -1, 0.5, 2])));
  const text = (at: number) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
  expect([text(0), text(8), text(36)]).toEqual(["RIFF", "WAVE", "data"]);
  expect([view.getUint16(22, true), view.getUint32(24, true), view.getUint16(34, true), view.getUint32(40, true)]).toEqual([1, 16_000, 16, 10]);
  expect([0, 1, 2, 3, 4].map((i) => view.getInt16(44 + 2 * i, true))).toEqual([0, 32_767, -32_767, 16_384, 32_767]);
});

const speech = (seconds: number) => new Float32Array(seconds * HERTZ).map((_, i) => 0.3 * Math.sin(i / 5));

test("a long recording is cut where it is quiet, each part is one that the API takes, and nothing is lost", () => {
  const recording = new Recording();
  const parts: Float32Array[] = [];
  let [given, second] = [0, 0];
  while (!recording.isFull) {
    const samples = speech(1);
    if (++second % 10 === 0) samples.fill(0, 0, HERTZ / 2); // a breath
    given += samples.length;
    const part = recording.add(samples);
    if (part) parts.push(part);
  }
  expect(recording.add(speech(1))).toBeNull(); // came before the microphone was let go: too late
  const last = recording.end();
  if (last) parts.push(last);
  expect(recording.seconds).toBe(LONGEST_S);
  expect(parts.length).toBeGreaterThan(LONGEST_S / PART_S - 1);
  for (const part of parts) expect(wavOf(part).byteLength).toBeLessThan(4_000_000 - 1_000);
  expect(parts.reduce((sum, one) => sum + one.length, 0)).toBe(given);
  for (const part of parts.slice(1)) expect(Math.abs(part[0]!)).toBe(0); // in a breath
});

test("silence is no recording, however long; a soft voice is one", () => {
  const recording = new Recording();
  for (let i = 0; i < PART_S * 2; i++) expect(recording.add(new Float32Array(HERTZ).map(() => 0.0005))).toBeNull();
  expect(recording.end()).toBeNull();
  recording.add(speech(1).map((one) => one / 20));
  expect(recording.end()).not.toBeNull();
  expect(new Recording().end()).toBeNull();
});

test("the meter shows more of what is louder, within its ends", () => {
  const shown = [0, 0.0001, 0.001, 0.01, 0.1, 1].map(shownLevel);
  expect(shown).toEqual([...shown].sort((a, b) => a - b));
  expect([shown[0], shown.at(-1)]).toEqual([0, 1]);
});
