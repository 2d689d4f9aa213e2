import { expect, it } from "vitest";
import { createApi } from "../src/api";
import { createClock } from "../src/logic/clock";
import { runningSeconds } from "../src/logic/sessions";
import type { Session } from "../src/types";
import { filesWith } from "./sources";

const HOUR = 3_600_000;
const SERVER = Date.parse("2026-11-21T20:22:30Z");
const header = (at: number) => new Date(at).toUTCString();

/** A browser whose clock is `wrong` ms off; `sleep` lets time pass. */
function browser(wrong: number) {
  let passed = 0;
  const clock = createClock(
    () => passed,
    () => SERVER + wrong,
  );
  return { clock, server: () => SERVER + passed, sleep: (ms: number) => (passed += ms) };
}

it.each([HOUR, -3 * HOUR, 0, 40_000, -400, 365 * 24 * HOUR])("follows the server when the browser is %i ms off", (wrong) => {
  const { clock, server, sleep } = browser(wrong);
  expect(clock.now()).toBe(SERVER + wrong);
  sleep(300);
  clock.heard(header(server()), 300);
  expect(Math.abs(clock.now() - server())).toBeLessThanOrEqual(1300);
  sleep(20_000);
  const session = { id: "ses_1", launched_at: new Date(SERVER).toISOString() } as unknown as Session;
  expect(Math.abs(runningSeconds(session, clock.now()) - 20.3)).toBeLessThanOrEqual(1.3);
});

it("comes closer with every answer, and stays while it agrees", () => {
  const { clock, server, sleep } = browser(HOUR);
  for (let i = 0; i < 50; i++) {
    clock.heard(header(server()), 40);
    sleep(1730);
  }
  expect(Math.abs(clock.now() - server())).toBeLessThanOrEqual(100);
  const before = clock.now() - server();
  clock.heard(header(server()), 9000);
  expect(clock.now() - server()).toBe(before);
});

it("does without a header that is missing or no date", () => {
  const { clock } = browser(5000);
  for (const date of [null, "", "soon"]) clock.heard(date, 10);
  expect(clock.now()).toBe(SERVER + 5000);
});

it("hears the time in every answer of the API, refusals too, but not where a redirect led", async () => {
  const heard: (string | null)[] = [];
  const served = { now: () => 0, heard: (date: string | null) => void heard.push(date) };
  const tokens = { token: async () => "t", renew: async () => null };
  const answer = (status: number, redirected = false) => {
    const response = new Response("{}", { status, headers: { Date: header(SERVER) } });
    return Object.defineProperty(response, "redirected", { value: redirected });
  };
  const api = (response: Response) => createApi("", tokens, async () => response, served);
  await api(answer(200)).usage();
  await expect(api(answer(503)).usage()).rejects.toThrow();
  await api(answer(200, true)).content("file_1", new AbortController().signal);
  expect(heard).toEqual([header(SERVER), header(SERVER)]);
});

it("is the only one: no other file reads the browser's clock", () => {
  expect(filesWith(/Date\.now|new Date\(\s*\)|\bnew Date\b(?!\()|(?<!new )\bDate\(\)|performance\.now/)).toEqual(["logic/clock.ts"]);
});
