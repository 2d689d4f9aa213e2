import { describe, expect, it } from "vitest";
import { validatorSource } from "../lineSchemas.ts";
import type { Hint, Problem } from "../src/logic/batchFindings";
import { lineProblems } from "../src/logic/batchProblems";

const CHAT = "/v1/chat/completions";
const message = { role: "user", content: "Oi" };
const request = (body: object, more: object = {}) => ({
  ...{ custom_id: "a", method: "POST", url: CHAT },
  body: { model: "mistral-7b", messages: [message], ...body },
  ...more,
});

it("has checks that compile nothing in the page and fetch nothing: its policy allows neither", () => {
  const source = validatorSource();
  expect(source).toContain("export const chatLine");
  expect(source).not.toMatch(/\b(eval|Function|require|import)\b/);
});

const KNOWN = { known: "system, developer, user, assistant" };
const WRONG: [Record<string, unknown>, string, Hint, Problem["values"]?][] = [
  [request({ max_tokens: 0 }), "body.max_tokens", "integer", { least: 1, most: 1_000_000 }],
  [request({ max_tokens: "9" }), "body.max_tokens", "integer", { least: 1, most: 1_000_000 }],
  [request({ temperature: 3 }), "body.temperature", "range", { least: 0, most: 2 }],
  [request({ stop: ["a", "b", "c", "d", "e"] }), "body.stop", "stop", { most: 4 }],
  [request({ stop: [1] }), "body.stop[0]", "string"],
  [request({ user: 1 }), "body.user", "string"],
  [request({ n: 2 }), "body.n", "exactly", { only: "1" }],
  [request({ stream: true }), "body.stream", "exactly", { only: "false" }],
  [request({ response_format: "text" }), "body.response_format", "object"],
  [request({ messages: [] }), "body.messages", "messages"],
  [request({ messages: [message, 1] }), "body.messages[1]", "object"],
  [request({ messages: [{ ...message, content: [] }] }), "body.messages[0].content", "content"],
  [request({ messages: [{ ...message, role: "tool" }] }), "body.messages[0].role", "choice", KNOWN],
  [request({}, { custom_id: "" }), "custom_id", "custom_id", { most: 256 }],
  [request({}, { method: "GET" }), "method", "exactly", { only: "POST" }],
  [request({}, { body: [] }), "body", "object"],
];

describe("a wrong field", () => {
  it.each(WRONG)("%j is told at %s what it must be", (line, param, hint, values) => {
    const found = { code: "invalid_field", param, hint, ...(values ? { values } : {}) };
    expect(lineProblems(line, CHAT)).toEqual([found]);
  });

  it("is one problem, however many rules it breaks, and of a line ten are told", () => {
    const inner = { role: 1, content: 1 };
    expect(lineProblems(request({ messages: [inner] }), CHAT)).toHaveLength(2);
    const found = lineProblems(request({ messages: Array.from({ length: 100 }, () => inner) }), CHAT);
    expect(new Set(found.map(({ param }) => param)).size).toBe(10);
  });

  it("that is too long to show is cut", () => {
    const [found] = lineProblems(request({ ["x".repeat(100)]: 1 }), CHAT);
    expect(found).toEqual({ code: "unknown_parameter", param: `body.${"x".repeat(59)}…` });
  });
});
