import { beforeEach, expect, it, vi } from "vitest";
import { chatActions } from "../src/actions/chats";
import { ApiError, type Api } from "../src/api";
import { clock } from "../src/logic/clock";
import { chainOf, KEY_KEPT_MS, nextOf, stillUnsent, unmade, type Unsent } from "../src/logic/outbox";
import * as state from "../src/state";
import type { Message, Posted } from "../src/types";

const asked = (n: number, content: string): Message =>
  ({ id: `msg_${n}`, object: "message", conversation_id: "con_1", role: "user", content, created_at: "2026-11-29T12:00:00Z" }) as Message;
const waiting = (key: string, content: string, after = "5"): Unsent =>
  ({ key, conversationId: "con_1", chain: "con_1", content, at: key.charCodeAt(0), triedAt: clock.now(), after, state: "waiting" });

beforeEach(() => {
  state.outbox.value = [];
  state.conversations.value = [];
  state.chats.value = {};
  state.current.value = "con_1";
  state.fresh.value = null;
  state.area.value = "batches"; // where nobody is moved
  state.online.value = true;
});

it("knows messages without words by the images that they show", () => {
  const both = [{ ...waiting("a", ""), images: ["file_1"] }, { ...waiting("b", ""), images: ["file_2"] }];
  const shown = { ...asked(6, ""), images: [{ file_id: "file_2", type: "png", width: 3, height: 2 }] } as Message;
  expect(stillUnsent(both, "con_1", [shown]).map((one) => one.key)).toEqual(["a"]);
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

const made = (key: string) => ({ id: `con_${key.slice(0, 8)}`, object: "conversation", title: "x", created_at: "2026-11-29T12:00:00Z" });
const taken = (n: number, id: string, content: string): Posted =>
  ({ message: { ...asked(n, content), conversation_id: id }, answer: { ...asked(n, ""), id: `ans_${n}`, conversation_id: id, role: "assistant" }, session: null }) as Posted;

/** A server that can be away, and may lose its answers. */
function server() {
  const posts: [string, string, string][] = [];
  const keys = new Map<string, Posted>();
  const api = {
    away: true,
    lose: 0,
    createConversation: vi.fn(async (_: unknown, key: string) => {
      if (api.away) throw new ApiError(0, "", "no_connection");
      return made(key);
    }),
    post: vi.fn(async (id: string, content: string, key: string) => {
      if (api.away) throw new ApiError(0, "", "no_connection");
      if (!keys.has(key)) {
        keys.set(key, taken(10 + keys.size, id, content));
        posts.push([id, content, key]);
      }
      if (api.lose-- > 0) throw new ApiError(0, "", "no_connection");
      return keys.get(key)!;
    }),
    messages: vi.fn(async () => ({ object: "list", data: [] as Message[], has_more: false })),
  };
  return { api, posts, actions: chatActions(api as unknown as Api, async () => undefined) };
}

it.each([true, false])("makes one conversation of all that was typed for it, in order (the device says it is online: %s)", async (online) => {
  const { api, posts, actions } = server();
  state.current.value = null;
  state.online.value = online;
  for (const text of ["one", "two", "three"]) await actions.send(text);
  expect(state.unsent.value.map((one) => [one.content, one.state])).toEqual([["one", "waiting"], ["two", "waiting"], ["three", "waiting"]]);
  expect(state.coming.value).toHaveLength(1);
  state.fresh.value = null; // a second new conversation
  expect(state.unsent.value).toEqual([]);
  await actions.send("another");
  expect(state.coming.value.map((one) => one.content)).toEqual(["one", "another"]);
  api.away = false;
  state.online.value = true;
  await actions.sendWaiting();
  expect(state.outbox.value).toEqual([]);
  expect(new Set(posts.map(([id]) => id)).size).toBe(2);
  expect(posts.filter(([id]) => id === posts[0]![0]).map(([, content]) => content)).toEqual(["one", "two", "three"]);
  expect(state.current.value, "where the person was").toBe(posts.find(([, content]) => content === "another")![0]);
});

it.each([1, 3, 4, 7])("a send whose answer is lost %i times is one question", async (lost) => {
  const { api, posts, actions } = server();
  api.away = false;
  api.lose = lost;
  await actions.send("Oi");
  await actions.sendWaiting();
  await actions.sendWaiting();
  expect(posts).toHaveLength(1);
  expect(state.outbox.value).toEqual([]);
});

it("what is asked while others are on their way goes after them", async () => {
  const { api, posts, actions } = server();
  api.away = false;
  await Promise.all(["a", "b", "c"].map((text) => actions.ask(text)));
  expect(posts.map(([, content]) => content)).toEqual(["a", "b", "c"]);
});

it("looks whether the server has it where its key is too old to say so", async () => {
  const { api, posts, actions } = server();
  api.away = false;
  const old = { ...waiting("a", "Oi"), triedAt: clock.now() - KEY_KEPT_MS - 1 };
  api.messages.mockImplementation(async () => ({ object: "list", data: [asked(8, "other"), asked(7, "Oi")], has_more: false }));
  state.outbox.value = [old];
  await actions.sendWaiting();
  expect([posts, state.outbox.value]).toEqual([[], []]);
  state.outbox.value = [{ ...old, content: "never came" }];
  await actions.sendWaiting();
  expect(posts.map(([, content]) => content)).toEqual(["never came"]);
});

it("what was left by a closed tab on its way is taken over, and what waits for the line is not tried", async () => {
  const { api, posts, actions } = server();
  api.away = false;
  state.outbox.value = [waiting("a", "Oi")];
  await actions.flush("con_1", true);
  expect(posts).toEqual([]);
  state.outbox.value = [{ ...waiting("a", "Oi"), state: "sending" }];
  await actions.flush("con_1", true);
  expect(posts).toHaveLength(1);
});

it("knows what is next in a chain, and what is still to be made", () => {
  const items: Unsent[] = [
    { ...waiting("b", "2"), conversationId: null, chain: "n" },
    { ...waiting("a", "1"), conversationId: null, chain: "n", state: "failed" },
    { ...waiting("c", "3"), conversationId: "con_2", chain: "m" },
  ];
  expect(nextOf(items, "n")?.key).toBe("b");
  expect(nextOf(items, "con_1")).toBeUndefined();
  expect(unmade(items).map((one) => one.key)).toEqual(["a"]);
  expect([chainOf(items, "con_2", "x"), chainOf(items, "con_9", "x"), chainOf(items, null, "x")]).toEqual(["m", "con_9", "x"]);
});

it("fetches messages once more when the line came back before the first answer failed", async () => {
  const fail = [true, false];
  let letFail = () => {};
  const messages = vi.fn(async () => {
    if (!fail.shift()) return { object: "list", data: [asked(6, "Oi")], has_more: false };
    await new Promise<void>((done) => (letFail = done));
    throw new ApiError(500, "lost");
  });
  const actions = chatActions({ messages } as unknown as Api);
  const first = actions.fetchMessages("con_1");
  await actions.fetchMessages("con_1"); // as whoever subscribes does
  letFail();
  await first;
  expect(messages).toHaveBeenCalledTimes(2);
  expect(state.chats.value.con_1?.messages.map((one) => one.content)).toEqual(["Oi"]);
  expect(state.unfetched.value.has("con_1")).toBe(false);
});
