import { beforeEach, expect, it, vi } from "vitest";
import { chatActions } from "../src/actions/chats";
import { ApiError, type Api } from "../src/api";
import { stillUnsent, type Unsent } from "../src/logic/outbox";
import * as state from "../src/state";
import type { Message, Posted } from "../src/types";

const asked = (n: number, content: string): Message =>
  ({ id: `msg_${n}`, object: "message", conversation_id: "con_1", role: "user", content, created_at: "2026-11-29T12:00:00Z" }) as Message;
const waiting = (key: string, content: string, after = "5"): Unsent => ({ key, conversationId: "con_1", content, after, state: "waiting" });

beforeEach(() => {
  state.outbox.value = [];
  state.conversations.value = [];
  state.chats.value = {};
  state.current.value = "con_1";
});

it("takes one question for one item: the other one with the same words is still to be sent", () => {
  const both = [waiting("a", "Continue"), waiting("b", "Continue")];
  const left = stillUnsent(both, "con_1", [asked(6, "Continue")]);
  expect(left.map((one) => one.key)).toEqual(["b"]);
  expect(stillUnsent(left, "con_1", [asked(6, "Continue")]), "seen once more").toEqual(left);
  expect(stillUnsent(left, "con_1", [asked(7, "Continue"), asked(6, "Continue")])).toEqual([]);
  expect(stillUnsent(both, "con_1", [asked(6, "Continue"), asked(7, "Continue")])).toEqual([]);
});

it("sends each of two with the same words, whatever is fetched between them", async () => {
  const known: Message[] = [];
  const post = vi.fn(async (_: string, content: string): Promise<Posted> => {
    known.unshift(asked(6 + known.length, content));
    await actions.fetchMessages("con_1");
    return { message: known[0]!, answer: { ...known[0]!, id: `ans_${5 + known.length}`, role: "assistant" }, session: null } as Posted;
  });
  const messages = vi.fn(async () => ({ object: "list", data: [...known], has_more: false }));
  const actions = chatActions({ post, messages } as unknown as Api);
  state.outbox.value = [waiting("a", "Continue"), waiting("b", "Continue"), waiting("c", "Continue")];
  for (let i = 0; i < 3; i++) {
    await actions.sendWaiting();
    await actions.fetchMessages("con_1");
  }
  expect(post).toHaveBeenCalledTimes(3);
  expect(new Set(post.mock.calls.map((call) => (call as unknown[])[2])).size, "each with a key of its own").toBe(3);
  expect(state.outbox.value).toEqual([]);
});

it("makes one conversation, however often its answer is lost; another one where that was deleted", async () => {
  state.current.value = null;
  state.area.value = "batches"; // where nobody is moved
  const made: string[] = [];
  let lost = 2;
  const createConversation = vi.fn(async (_: unknown, key: string) => {
    if (!made.includes(key)) made.push(key);
    if (lost-- > 0) throw new ApiError(502, "lost");
    return { id: `con_${made.indexOf(key) + 1}`, object: "conversation", title: "Oi", created_at: "2026-11-29T12:00:00Z" };
  });
  const post = vi.fn(async () => Promise.reject(new ApiError(404, "gone", "conversation_not_found")));
  const actions = chatActions({ createConversation, post } as unknown as Api, async () => undefined);
  await actions.send("Oi");
  expect(createConversation).toHaveBeenCalledTimes(3);
  expect(made).toHaveLength(1);
  const [item] = state.outbox.value;
  expect(item).toMatchObject({ content: "Oi", conversationId: null, state: "failed" });
  await actions.resend(item!);
  expect(made).toHaveLength(2);
  expect(state.outbox.value).toHaveLength(1);
});
