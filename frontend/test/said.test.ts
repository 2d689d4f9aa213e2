/** What a screen reader is told without asking: one region, one way into it, and every answer once. */
import { beforeEach, expect, it, vi } from "vitest";
import { explain, report, say, traceOf } from "../src/actions/notices";
import { ApiError } from "../src/api";
import { answeredSince, mergeDelta, mergeMessages, mergeNewest, mergeOlder, NO_CHAT } from "../src/logic/chat";
import * as state from "../src/state";
import type { Message } from "../src/types";
import { filesWith, SOURCES } from "./sources";

beforeEach(() => {
  vi.useFakeTimers();
  state.said.value = [];
  state.notices.value = [];
});

it("has one status and one log in all, and no other live region but alerts", () => {
  const count = (pattern: RegExp) => SOURCES.flatMap(([, text]) => text.match(pattern) ?? []).length;
  expect(count(/role="status"/g)).toBe(1);
  expect(count(/role="log"/g)).toBe(1);
  expect(filesWith(/role="status"|aria-atomic/)).toEqual(["ui/Said.tsx"]);
  // The messages are a log that is read on wish: an answer grows in it word by word.
  expect(filesWith(/aria-live/)).toEqual(["ui/ChatView.tsx"]);
  expect(SOURCES.find(([name]) => name === "ui/ChatView.tsx")![1]).toContain('aria-live="off"');
  expect(count(/role="(?:timer|marquee)"|<output/g)).toBe(0);
});

it("says what comes close behind beside it, the same again too, and forgets it", () => {
  for (const text of ["one", "two", "one", ""]) say(text);
  expect(state.said.value.map((line) => line.text)).toEqual(["one", "two", "one"]);
  expect(new Set(state.said.value.map((line) => line.id)).size).toBe(3);
  vi.advanceTimersByTime(60_000);
  expect(state.said.value).toEqual([]);
});

const at = (n: number, role: "user" | "assistant", status: Message["status"], content = "x"): Message => ({
  id: `${role === "user" ? "msg" : "ans"}_${n}`,
  object: "message",
  conversation_id: "con_1",
  role,
  content,
  status,
  created_at: "",
});
const ids = (messages: readonly Message[]) => messages.map((message) => message.id);

it("tells of each answer that is over, by whichever way the page hears of it", () => {
  const opened = mergeNewest(NO_CHAT, [at(3, "assistant", "answered"), at(3, "user", "accepted")], true);
  expect(answeredSince(NO_CHAT, opened)).toEqual([]); // what was there when it was opened

  const older = mergeOlder(opened, [at(2, "assistant", "answered"), at(2, "user", "accepted")], false);
  expect(answeredSince(opened, older)).toEqual([]);

  const asked = mergeMessages(older, [at(4, "user", "accepted"), at(4, "assistant", "queued", "")]);
  expect(answeredSince(older, asked)).toEqual([]);
  const begun = mergeDelta(asked, { message_id: "msg_4", offset: 0, text: "x" });
  expect(answeredSince(asked, begun)).toEqual([]);
  for (const end of ["answered", "failed"] as const) {
    expect(ids(answeredSince(begun, mergeMessages(begun, [at(4, "assistant", end)])))).toEqual(["ans_4"]); // the socket
    const fetched = mergeNewest(begun, [at(4, "assistant", end), at(4, "user", "accepted")], true);
    expect(ids(answeredSince(begun, fetched))).toEqual(["ans_4"]); // a line that was away
  }
  // It was answered before its question's POST came back; and one of another tab.
  expect(ids(answeredSince(older, mergeMessages(older, [at(4, "assistant", "answered")])))).toEqual(["ans_4"]);
  const done = mergeMessages(begun, [at(4, "assistant", "answered")]);
  expect(answeredSince(done, mergeMessages(done, [at(4, "assistant", "answered")]))).toEqual([]); // once
});

it("explains an error in the person's language, by code and by status, and keeps what finds it in the log", () => {
  const error = (status: number, code: string | null, id: string | null = "r-1") =>
    new ApiError(status, "As the API says it.", code, null, null, false, id);
  expect(explain(error(503, null))).toContain("não guardou nada");
  expect(explain(error(409, "conversation_busy"))).toContain("ainda está sendo respondido");
  expect(explain(error(400, "invalid_field"))).toBe("O servidor não aceita isto como está. Mude e envie de novo. (As the API says it.)"); // it names the field
  expect(explain(error(400, null))).toBe("O servidor não aceita isto como está. Mude e envie de novo. (As the API says it.)");
  expect(traceOf(error(503, null))).toEqual({ id: "r-1", code: null, status: 503 });
  expect(traceOf(error(0, "no_connection", null))).toBeUndefined();
  expect(traceOf(new Error("x"))).toBeUndefined();
  report(error(404, "batch_not_found"));
  expect(state.notices.value.at(-1)).toMatchObject({ trace: { id: "r-1", code: "batch_not_found", status: 404 } });
});
