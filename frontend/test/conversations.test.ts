import { beforeEach, expect, it, vi } from "vitest";
import { chatActions } from "../src/actions/chats";
import { conversationActions } from "../src/actions/conversations";
import { ApiError, type Api } from "../src/api";
import { isFound } from "../src/logic/search";
import * as state from "../src/state";
import type { Conversation } from "../src/types";
import { conversation } from "./made";

function one(n: number): Conversation {
  const at = new Date(n * 1000).toISOString();
  return conversation({ id: `con_${String(n).padStart(4, "0")}`, title: `Número ${n}`, created_at: at, updated_at: at });
}

/** As the API lists `many` of them: newest first, so many at once, behind the one that is named. */
function server(many: number) {
  const all = Array.from({ length: many }, (_, i) => one(many - i));
  const conversations = vi.fn(async (limit: number, after?: string) => {
    const from = after ? all.findIndex((c) => c.id === after) + 1 : 0;
    return { object: "list" as const, data: all.slice(from, from + limit), has_more: from + limit < many };
  });
  const conversation = vi.fn(async (id: string): Promise<Conversation> => all.find((c) => c.id === id)!);
  return { conversations, conversation, actions: conversationActions({ conversations, conversation } as unknown as Api) };
}

beforeEach(() => {
  state.conversations.value = [];
  state.olderConversations.value = "";
  state.listing.value = "idle";
  state.notices.value = [];
});

it("begins with one page, goes on a page at a time and ends", async () => {
  const { actions, conversations } = server(120);
  const counts = [];
  for (let i = 0; i < 4; i++) {
    await actions.more();
    counts.push([state.conversations.value.length, state.olderConversations.value]);
  }
  expect(counts).toEqual([[50, "con_0071"], [100, "con_0021"], [120, null], [120, null]]);
  expect(conversations).toHaveBeenCalledTimes(3);
});

it("stops when nobody answers, says so, and goes on when it is asked to", async () => {
  const { actions, conversations } = server(100);
  await actions.more();
  conversations.mockRejectedValueOnce(new ApiError(503, "Busy"));
  await actions.more();
  expect([state.listing.value, state.notices.value.length, conversations.mock.calls.length]).toEqual(["failed", 1, 2]);
  await actions.more();
  expect([state.listing.value, state.olderConversations.value]).toEqual(["idle", null]);
});

it("asks for the one that an address names alone, once, and not for one that it knows", async () => {
  const { actions, conversation, conversations } = server(1000);
  await Promise.all([actions.know("con_0003"), actions.know("con_0003")]);
  await actions.more();
  await actions.know("con_0999");
  expect([conversation.mock.calls.length, conversations.mock.calls.length]).toEqual([1, 1]);
  expect(state.conversations.value.at(-1)?.id).toBe("con_0003");
  expect(state.olderConversations.value).toBe("con_0951"); // the list goes on where its page ended
});

it("leaves it to the messages to say that one is gone", async () => {
  const { actions, conversation } = server(1);
  conversation.mockRejectedValueOnce(new ApiError(404, "gone"));
  await actions.know("con_9999");
  expect(state.notices.value).toEqual([]);
});

it.each([
  ["Reunião de AMANHÃ", "amanha reuniao", true],
  ["Reunião", "reunião", true],
  ["Reunião", "reunioes", false],
  ["anything", "  ", true],
  ["a.b", ".", true],
  ["ab", ".", false],
])("finds %j by %j: %s", (title, words, is) => {
  expect(isFound(title, words)).toBe(is);
});

it.each([
  ["a new one without a title keeps what this tab calls it", { id: "con_0001", title: "" }, ["Número 2", "Número 1"]],
  ["a title that the model gave is shown", { id: "con_0001", title: "Cores" }, ["Número 2", "Cores"]],
  ["one of another tab is listed", { id: "con_0009", title: "", created_at: new Date(9000).toISOString() }, ["", "Número 2", "Número 1"]],
])("hears of a conversation: %s", (_, told, titles) => {
  state.conversations.value = [one(2), one(1)];
  const at = told.id === "con_0009" ? { updated_at: new Date(9000).toISOString() } : {};
  chatActions({} as Api).gotConversation({ ...one(1), ...told, ...at });
  expect(state.conversations.value.map((c) => c.title)).toEqual(titles);
});

it("forgets one that was deleted in another tab, and leaves it where it was open", () => {
  state.conversations.value = [one(2), one(1)];
  state.current.value = "con_0001";
  state.area.value = "batches"; // no address to go to: the browser's test looks at that
  chatActions({} as Api).gotConversation({ id: "con_0001", object: "conversation.deleted" });
  expect(state.conversations.value.map((c) => c.id)).toEqual(["con_0002"]);
  expect(state.current.value).toBeNull();
});
