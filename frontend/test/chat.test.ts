import { expect, it } from "vitest";
import { isWaiting, mergeDelta, mergeMessages, needsFetch, NO_CHAT, textOf } from "../src/logic/chat";
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
