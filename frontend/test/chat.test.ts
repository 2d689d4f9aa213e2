import { describe, expect, it } from "vitest";
import {
  isShortOf,
  isWaiting,
  mergeDelta,
  mergeMessages,
  mergeNewest,
  mergeOlder,
  needsFetch,
  NO_CHAT,
  textOf,
  type Chat,
} from "../src/logic/chat";
import type { Message } from "../src/types";

const message = (id: string, changes: Partial<Message> = {}): Message => ({
  id,
  object: "message",
  conversation_id: "con_1",
  role: id.startsWith("msg") ? "user" : "assistant",
  content: "",
  status: id.startsWith("msg") ? "accepted" : "queued",
  created_at: "2026-11-21T20:22:30.123Z",
  ...changes,
});

const chat = mergeMessages(NO_CHAT, [message("ans_1"), message("msg_1", { content: "Oi" })]);
const delta = (offset: number, text: string, id = "msg_1") => ({ message_id: id, offset, text });

it("shows a question before its answer, and older ones first", () => {
  const longer = mergeMessages(chat, [message("ans_2"), message("msg_2")]);
  expect(longer.messages.map((m) => m.id)).toEqual(["msg_1", "ans_1", "msg_2", "ans_2"]);
});

it("shows the version that a replacing question began, whatever of the earlier one is known or comes late", () => {
  const three = mergeMessages(chat, [message("ans_2"), message("msg_2"), message("ans_3"), message("msg_3")]);
  const replacing = message("msg_4", { replaces: "msg_2", content: "Anew" });
  const anew = mergeMessages(three, [replacing, message("ans_4")]);
  expect(anew.messages.map((m) => m.id)).toEqual(["msg_1", "ans_1", "msg_4", "ans_4"]);
  const fetched = mergeNewest(three, [message("ans_4"), replacing, message("ans_1"), message("msg_1")], false);
  expect(fetched.messages.map((m) => m.id)).toEqual(["msg_1", "ans_1", "msg_4", "ans_4"]);
  const late = [message("ans_3", { status: "answered", content: "Late" }), message("msg_3"), message("ans_2"), message("msg_2"), message("ans_1")];
  for (const after of [mergeMessages(anew, late), mergeNewest(anew, late, false), mergeOlder(anew, late, false)]) {
    expect(after.messages.map((m) => m.id)).toEqual(["msg_1", "ans_1", "msg_4", "ans_4"]);
  }
  const streaming = mergeDelta(three, delta(0, "half", "msg_3"));
  expect(mergeMessages(streaming, [replacing]).messages.map((m) => m.id)).toEqual(["msg_1", "ans_1", "msg_4"]);
});

it("streams an answer, and takes the final text as it is", () => {
  const streaming = mergeDelta(mergeDelta(chat, delta(0, "Olá")), delta(3, ", Ana"));
  const answer = () => streaming.messages[1]!;
  expect([textOf(streaming, answer()), answer().status, isWaiting(streaming)]).toEqual(["Olá, Ana", "answering", true]);
  const final = mergeMessages(streaming, [message("ans_1", { status: "answered", content: "Olá, Ana!" })]);
  expect([textOf(final, final.messages[1]!), isWaiting(final), final.streams]).toEqual(["Olá, Ana!", false, {}]);
});

it("takes a delta that names the answer itself for the same", () => {
  const streaming = mergeDelta(chat, delta(0, "Olá", "ans_1"));
  expect(textOf(streaming, streaming.messages[1]!)).toBe("Olá");
});

it("does not go back from a final answer, whatever arrives late", () => {
  const final = mergeMessages(chat, [message("ans_1", { status: "answered", content: "Pronto" })]);
  expect(mergeDelta(final, delta(0, "Pro"))).toBe(final);
  const late = mergeMessages(final, [message("ans_1", { status: "answering", content: "Pro" })]);
  expect(textOf(late, late.messages[1]!)).toBe("Pronto");
});

it("asks for a GET when there is a gap, and not after it", () => {
  const gap = mergeDelta(chat, delta(3, "def"));
  expect(needsFetch(gap)).toBe(true);
  const whole = mergeMessages(gap, [message("ans_1", { status: "answering", content: "abc" })]);
  expect([needsFetch(whole), textOf(whole, whole.messages[1]!)]).toEqual([false, "abcdef"]);
});

it("keeps a stream whose message is not known yet, and asks for it", () => {
  const early = mergeDelta(NO_CHAT, delta(0, "Olá"));
  expect(needsFetch(early)).toBe(true);
  const known = mergeMessages(early, [message("msg_1"), message("ans_1")]);
  expect([needsFetch(known), textOf(known, known.messages[1]!)]).toEqual([false, "Olá"]);
});

it("keeps the partial text of an answer that failed", () => {
  const failed = mergeMessages(mergeDelta(chat, delta(0, "Olá")), [
    message("ans_1", { status: "failed", content: "Olá", error: { code: "EngineFailed", message: "lost" } }),
  ]);
  expect(textOf(failed, failed.messages[1]!)).toBe("Olá");
});

describe("a long conversation", () => {
  /** The exchanges from `newest` down to `oldest`, as a GET lists them. */
  const page = (newest: number, oldest: number): Message[] =>
    Array.from({ length: newest - oldest + 1 }, (_, i) => String(newest - i)).flatMap((n) => [
      message(`ans_${n}`, { status: "answered", content: n }),
      message(`msg_${n}`),
    ]);
  const shown = (chat: Chat) => chat.messages.filter((m) => m.role === "user").map((m) => m.id.slice(4));
  const opened = mergeNewest(NO_CHAT, page(19, 17), true);

  it("opens at its end and has older ones page by page, to its beginning", () => {
    expect([shown(opened), opened.older, opened.loaded]).toEqual([["17", "18", "19"], "msg_17", true]);
    const further = mergeOlder(opened, page(16, 15), true);
    expect([shown(further), further.older]).toEqual([["15", "16", "17", "18", "19"], "msg_15"]);
    const all = mergeOlder(further, page(14, 14), false);
    expect([shown(all)[0], all.older]).toEqual(["14", null]);
  });

  it("keeps what is known where the newest page joins it", () => {
    const later = mergeNewest(mergeOlder(opened, page(16, 15), true), page(21, 19), true);
    expect([shown(later), later.older]).toEqual([["15", "16", "17", "18", "19", "20", "21"], "msg_15"]);
  });

  it("forgets what is known where others may lie between, although a newer one was pushed", () => {
    const pushed = mergeMessages(opened, [message("msg_39"), message("ans_39")]);
    const later = mergeNewest(mergeDelta(pushed, delta(0, "Olá", "msg_39")), page(39, 38), true);
    expect([shown(later), later.older, needsFetch(later)]).toEqual([["38", "39"], "msg_38", false]);
  });

  it("takes nothing before its page has come: neither a message nor a piece of an answer", () => {
    const pushed = mergeDelta(mergeMessages(opened, [message("ans_12")]), delta(0, "Olá", "msg_12"));
    expect([pushed.messages, needsFetch(pushed)]).toEqual([opened.messages, false]);
  });

  it("asks for a further page while an older answer is unfinished, and not across a gap", () => {
    const waiting = mergeNewest(NO_CHAT, [message("ans_17"), message("msg_17"), ...page(16, 15)], false);
    expect([[19, 18], [19, 17]].map(([a, b]) => isShortOf(waiting, page(a!, b!)))).toEqual([false, false]);
    const longer = mergeNewest(waiting, [...page(19, 18), message("ans_17"), message("msg_17")], true);
    expect([18, 17].map((oldest) => isShortOf(longer, page(19, oldest)))).toEqual([true, false]);
  });

  it("has a beginning when it is empty", () => {
    expect(mergeNewest(NO_CHAT, [], false)).toEqual({ ...NO_CHAT, loaded: true });
  });
});
