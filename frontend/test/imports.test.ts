import { beforeEach, expect, it, vi } from "vitest";
import { importActions, importing } from "../src/actions/imports";
import { ApiError } from "../src/api";
import { JSON_END, jsonBegin, jsonOf } from "../src/logic/archive";
import { MOST_TEXT_BYTES, readImport, requestsOf, type Found, type Importable } from "../src/logic/imports";
import * as state from "../src/state";
import type { Message } from "../src/types";
import { conversation } from "./made";

const NOW = Date.parse("2026-11-29T12:00:00Z");
const taken = (value: unknown) => (readImport(JSON.stringify(value), NOW) as Found).taken;

type Node = [id: string, parent: string | null, role: string, text: string];
function chatGpt(nodes: readonly Node[], current: string | null, more: object = {}) {
  const mapping = Object.fromEntries(
    nodes.map(([id, parent, role, text], n) => [
      id,
      {
        ...{ id, parent, children: nodes.filter(([, its]) => its === id).map(([child]) => child) },
        message: role && { author: { role }, content: { content_type: "text", parts: [text] }, create_time: 1_700_000_000 + n },
      },
    ]),
  );
  return { id: "abc", title: "Sea", create_time: 1_700_000_000.5, update_time: 1_700_000_100, mapping, current_node: current, ...more };
}
const TREE: Node[] = [
  ["root", null, "", ""],
  ["sys", "root", "system", "hidden"],
  ["q1", "sys", "user", "one"],
  ["a1", "q1", "assistant", "old answer"],
  ["a2", "q1", "assistant", "new answer"],
  ["t", "a2", "tool", "tool's output"],
  ["a3", "t", "assistant", "and more"],
  ["q2", "a3", "user", "two"],
];

it("takes what its reader saw last of a tree, as questions and answers", () => {
  const [one] = taken([chatGpt(TREE, "q2")]);
  expect(one!.exchanges.map((e) => [e.question, e.answer])).toEqual([["one", "new answer\n\nand more"], ["two", ""]]);
  expect([one!.source, one!.source_id, one!.title, one!.created_at]).toEqual(["chatgpt", "abc", "Sea", "2023-11-14T22:13:20.500Z"]);
  expect(one!.exchanges[0]!.asked_at).toBe("2023-11-14T22:13:22.000Z");
});

it.each([null, "nowhere", 7])("goes down the last branch where current_node is %j", (current) => {
  const [one] = taken([chatGpt(TREE, null, { current_node: current })]);
  expect(one!.exchanges.map((e) => e.question)).toEqual(["one", "two"]);
});

it("ends where a tree goes in a circle, or names what is not there", () => {
  const circle = chatGpt([["a", "b", "user", "A"], ["b", "a", "assistant", "B"]], "a");
  expect(taken([circle])[0]!.exchanges.length).toBe(2);
  const broken = chatGpt([["a", "gone", "user", "A"]], "a");
  expect(taken([broken])[0]!.exchanges).toMatchObject([{ question: "A", answer: "" }]);
  expect(taken([chatGpt([["__proto__", null, "user", "A"], ["b", "constructor", "assistant", "B"]], "b")]).length).toBe(1);
});

it("keeps code, names pictures, and leaves out what is hidden and what tools thought", () => {
  const message = (content: unknown, more: object = {}) => ({ author: { role: "assistant" }, content, ...more });
  const chain = [
    { author: { role: "user" }, content: { content_type: "multimodal_text", parts: [{ content_type: "image_asset_pointer" }, "What is it?"] } },
    message({ content_type: "code", text: "print(1)" }),
    message({ content_type: "thoughts", thoughts: [] }),
    message({ content_type: "text", parts: ["hidden"] }, { metadata: { is_visually_hidden_from_conversation: true } }),
    message({ content_type: "text", parts: ["end"] }),
  ];
  const mapping = Object.fromEntries(chain.map((one, n) => [`${n}`, { message: one, parent: n ? `${n - 1}` : null, children: [`${n + 1}`] }]));
  const [one] = taken([{ id: "x", title: "t", mapping, current_node: "4" }]);
  expect(one!.exchanges).toMatchObject([{ question: "[image]\n\nWhat is it?", answer: "```\nprint(1)\n```\n\nend" }]);
});

it("reads back what this page wrote", () => {
  const said = (role: "user" | "assistant", content: string): Message =>
    ({ id: role, role, content, status: "answered", created_at: "2026-01-01T00:00:00.000Z" }) as Message;
  const messages = [said("user", "Olá \u2028 😀"), said("assistant", "Oi"), said("user", "E?"), said("assistant", "")];
  const one = { conversation: conversation({ id: "conv_1", title: "Mar", system: "Be brief." }), messages, earlier: [] };
  const found = readImport([jsonBegin("2026-01-01T00:00:00.000Z"), jsonOf(one), JSON_END].join(""), NOW) as Found;
  expect(found.refused).toEqual([]);
  expect(found.taken).toMatchObject([{ source: "foreverus", source_id: "conv_1", title: "Mar", system: "Be brief." }]);
  expect(found.taken[0]!.exchanges.map((e) => [e.question, e.answer])).toEqual([["Olá \u2028 😀", "Oi"], ["E?", ""]]);
});

it("says what is no file of ours and why a conversation cannot be taken", () => {
  expect(readImport("PK\u0003\u0004", NOW)).toBe("not_json");
  expect(readImport('{"format":"foreverus.conversations","version":2}', NOW)).toBe("newer");
  expect(readImport('{"a":1}', NOW)).toBe("unknown");
  const long = chatGpt([["a", null, "user", "é".repeat(MOST_TEXT_BYTES / 2 + 1)]], "a");
  const found = readImport(JSON.stringify([null, 7, { title: "x" }, chatGpt([["a", null, "user", " "]], "a"), long]), NOW) as Found;
  expect(found.taken).toEqual([]);
  expect(found.refused.map((one) => one.why)).toEqual(["shape", "shape", "shape", "empty", "long"]);
});

/** A small generator of its own, so that what fails can be said by its number. */
function random(seed: number) {
  let at = seed;
  const next = () => ((at = (at * 1664525 + 1013904223) >>> 0) / 2 ** 32);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  return { next, pick };
}
const NAMES = ["mapping", "current_node", "message", "parent", "children", "author", "role", "content", "parts", "content_type", "title", "create_time", "id", "messages", "format", "a", "b", "__proto__"];
const LEAVES: unknown[] = [null, true, 0, -1, 1e308, 1.7e9, "", "a", "b", "user", "assistant", "text", "code", "\ud83d", "\u0000", "foreverus.conversations", "2024-01-01"];

function anything(seed: number): unknown {
  const { next, pick } = random(seed);
  const value = (depth: number): unknown => {
    if (depth > 6 || next() < 0.3) return pick(LEAVES);
    if (next() < 0.3) return Array.from({ length: Math.floor(next() * 4) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: Math.floor(next() * 6) }, () => [pick(NAMES), value(depth + 1)]));
  };
  const list = [value(0), { mapping: value(1), current_node: pick(LEAVES), title: value(5) }, { ...chatGpt(TREE, "q2"), [pick(NAMES)]: value(2) }];
  return next() < 0.5 ? list : { format: "foreverus.conversations", version: 1, conversations: [...list, { messages: value(1) }] };
}

it("reads or refuses each conversation of 3,000 hostile files, and sends nothing that the API would not take", () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const file = anything(seed);
    const found = readImport(JSON.stringify(file), NOW);
    expect(typeof found, `seed ${seed}`).toBe("object");
    for (const one of (found as Found).taken) {
      expect(one.source_id.length && one.title.length <= 200 && one.exchanges.length, `seed ${seed}`).toBeTruthy();
      expect(Date.parse(one.created_at) <= NOW && Date.parse(one.created_at) >= 0, `seed ${seed}`).toBe(true);
      for (const { question, answer } of one.exchanges) {
        expect(/\S/.test(question) && !/[\ud800-\udfff]/u.test(question + answer), `seed ${seed}`).toBe(true);
      }
    }
  }
});

it("takes time in proportion to a file's size: a conversation of 9,000 turns in a chain, and a list of 5,000", () => {
  const chain: Node[] = Array.from({ length: 9_000 }, (_, n) => [`n${n}`, n ? `n${n - 1}` : null, n % 2 ? "assistant" : "user", `text ${n}`]);
  const mapping = Object.fromEntries(chain.map(([id, parent, role, text]) => [id, { parent, children: [], message: { author: { role }, content: { content_type: "text", parts: [text] } } }]));
  const [one] = taken([{ id: "x", mapping, current_node: "n8999" }]);
  expect(one!.exchanges.length).toBe(4_500);
  const requests = requestsOf(one!);
  expect(requests.map((r) => r.first)).toEqual(Array.from({ length: 45 }, (_, n) => n * 100));
  expect(taken(Array.from({ length: 5_000 }, (_, n) => ({ ...chatGpt(TREE, "q2"), id: `c${n}` }))).length).toBe(5_000);
});

beforeEach(() => {
  importing.value = null;
  state.notices.value = [];
});

const file = (value: unknown) => new File([JSON.stringify(value)], "conversations.json");
const three = ["a", "b", "c"].map((id) => ({ ...chatGpt(TREE, "q2"), id }));

it("shows what can be taken before anything is sent, then sends each once", async () => {
  const importConversation = vi.fn(async () => ({ id: "conv_1", taken: 2, known: 0 }));
  const actions = importActions({ importConversation, conversations: async () => ({ object: "list", data: [], has_more: false }) });
  await actions.read(file([...three, null]));
  expect([importing.value!.state, importing.value!.taken.length, importing.value!.refused.length]).toEqual(["preview", 3, 1]);
  expect(importConversation).not.toHaveBeenCalled();
  await actions.send();
  expect([importing.value!.state, importing.value!.done, importing.value!.fresh]).toEqual(["done", 3, 3]);
  expect(importConversation).toHaveBeenCalledTimes(3);
});

it("stops at a fault and goes on there; what is refused costs no other one its place", async () => {
  const importConversation = vi.fn(async (_: object) => ({ id: "conv_1", taken: 1, known: 0 }));
  importConversation.mockRejectedValueOnce(new ApiError(409, "Deleted", "conversation_deleted"));
  importConversation.mockRejectedValueOnce(new ApiError(503, "Busy"));
  const actions = importActions({ importConversation, conversations: async () => ({ object: "list", data: [], has_more: false }) });
  await actions.read(file(three));
  await actions.send();
  expect([importing.value!.state, importing.value!.done, importing.value!.refused]).toEqual(["stopped", 1, [{ title: "Sea", why: "deleted" }]]);
  await actions.send();
  expect([importing.value!.state, importing.value!.done]).toEqual(["done", 3]);
  expect(importConversation.mock.calls.map(([one]) => (one as Importable).source_id)).toEqual(["a", "b", "b", "c"]);
});

it("says that there is no more room, keeps what came, and goes on when there is", async () => {
  const importConversation = vi.fn(async (_: object) => ({ id: "conv_1", taken: 1, known: 0 }));
  importConversation.mockResolvedValueOnce({ id: "conv_1", taken: 1, known: 0 });
  importConversation.mockRejectedValueOnce(new ApiError(429, "No room", "imports_full"));
  const conversations = vi.fn(async () => ({ object: "list" as const, data: [], has_more: false }));
  const actions = importActions({ importConversation, conversations });
  await actions.read(file(three));
  await actions.send();
  expect([importing.value!.state, importing.value!.done, importing.value!.refused]).toEqual(["full", 1, []]);
  expect(state.notices.value).toEqual([]); // said where it stands
  expect(conversations).toHaveBeenCalledTimes(1);
  await actions.send();
  expect([importing.value!.state, importing.value!.done]).toEqual(["done", 3]);
});
