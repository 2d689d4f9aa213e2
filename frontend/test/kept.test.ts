import { expect, it } from "vitest";
import { mergeNewest, NO_CHAT, type Chat } from "../src/logic/chat";
import { chatOf, keptOf, KEPT_MS, MOST_CHARACTERS, MOST_CONVERSATIONS, MOST_MESSAGES, tooMany } from "../src/logic/kept";
import type { Message } from "../src/types";

const number = (n: number) => String(n).padStart(6, "0");
const message = (n: number, more: Partial<Message> = {}): Message =>
  ({ id: `msg_${number(n)}`, object: "message", conversation_id: "con_1", role: "user", status: "answered", content: `text ${n}`, created_at: "", ...more }) as Message;
const all = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => message(from + i));
const chat = (messages: Message[], more: Partial<Chat> = {}): Chat => ({ ...NO_CHAT, messages, loaded: true, ...more });

it("keeps the newest messages, and knows whether there are older ones", () => {
  expect(keptOf(chat(all(0, 3)), 7)).toEqual({ at: 7, messages: all(0, 3), older: null });
  expect(keptOf(chat(all(5, 8), { older: "msg_000005" }), 7).older).toBe("msg_000005");
  const many = keptOf(chat(all(0, MOST_MESSAGES + 5)), 7);
  expect([many.messages.length, many.messages[0]!.id, many.older]).toEqual([MOST_MESSAGES, "msg_000005", "msg_000005"]);
});

it("keeps no more text than it may, and always the newest message", () => {
  const long = "x".repeat(MOST_CHARACTERS / 2);
  const kept = keptOf(chat(all(0, 4).map((one) => ({ ...one, content: long }))), 7);
  expect(kept.messages.map((one) => one.id)).toEqual(["msg_000002", "msg_000003"]);
  expect(keptOf(chat([message(1, { content: `${long}${long}${long}` })]), 7).messages).toHaveLength(1);
});

it("keeps what was said so far of an answer", () => {
  const answer = message(1, { id: "ans_000001", role: "assistant", status: "answering", content: "" });
  const streams = { [answer.id]: { text: "half an", later: [] } } as unknown as Chat["streams"];
  expect(keptOf(chat([message(1), answer], { streams }), 7).messages[1]!.content).toBe("half an");
});

it("is joined by what the server says, without loss or repetition", () => {
  const shown = chatOf(keptOf(chat(all(0, 10)), 7));
  expect(shown.loaded).toBe(false);
  const joined = mergeNewest(shown, all(8, 12).reverse(), true);
  expect([joined.loaded, joined.messages.map((one) => one.id)]).toEqual([true, all(0, 12).map((one) => one.id)]);
  const apart = mergeNewest(shown, all(20, 22).reverse(), true);
  expect(apart.messages.map((one) => one.id)).toEqual(all(20, 22).map((one) => one.id));
  expect(apart.older).toBe("msg_000020");
  expect(mergeNewest(chatOf({ at: 1, messages: [], older: null }), all(0, 2).reverse(), false).messages).toHaveLength(2);
});

it("gives up what is too old and what is too much, the longest unread first", () => {
  const entries = Array.from({ length: MOST_CONVERSATIONS + 2 }, (_, at) => ({ key: `c${at}`, at: at + 100 }));
  expect(tooMany(entries, 200).sort()).toEqual(["c0", "c1"]);
  expect(tooMany([{ key: "old", at: 0 }, { key: "new", at: 10 }], KEPT_MS + 5)).toEqual(["old"]);
});
