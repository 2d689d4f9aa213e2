import { expect, it, vi } from "vitest";
import { archived } from "../src/actions/exports";
import { fileName, JSON_END, jsonBegin, jsonOf, markdownOf } from "../src/logic/archive";
import type { List, Message } from "../src/types";
import { conversation } from "./made";

const said = (n: number, role: "user" | "assistant", content: string, more: Partial<Message> = {}): Message =>
  ({ id: `${role === "user" ? "msg" : "ans"}_${String(n).padStart(4, "0")}`, object: "message", conversation_id: "conv_1", role, content, status: "answered", created_at: "2026-01-01T00:00:00.000Z", ...more }) as Message;

const exchange = (n: number, text: string, replaces?: string): Message[] => [
  said(n, "user", text, replaces ? { replaces } : {}),
  said(n, "assistant", `A: ${text}`),
];

/** Newest first, three at once, behind the one that is named: as the API lists a version. */
function server(versions: Record<string, Message[]>) {
  return vi.fn(async (_: string, after?: string, version = ""): Promise<List<Message>> => {
    const all = [...versions[version]!].reverse();
    const from = after ? all.findIndex((one) => one.id === after) + 1 : 0;
    return { object: "list", data: all.slice(from, from + 3), has_more: from + 3 < all.length };
  });
}

it("has every message of the conversation and of its earlier versions once", async () => {
  const [one, two, three] = [exchange(1, "one"), exchange(2, "two"), exchange(3, "three")];
  const again = exchange(4, "two again", "msg_0002"); // in place of two and three
  const anew = exchange(5, "two anew", "msg_0004");
  const everyMessage = server({
    "": [...one, ...anew],
    msg_0004: [...one, ...again],
    msg_0002: [...one, ...two, ...three],
  });
  const found = await archived({ everyMessage }, conversation({ id: "conv_1" }));
  expect(found.messages.map((m) => m.content)).toEqual(["one", "A: one", "two anew", "A: two anew"]);
  expect(found.earlier.map((m) => m.content)).toEqual(["two", "A: two", "three", "A: three", "two again", "A: two again"]);
});

it("writes JSON that is read back, whatever was written", () => {
  const hostile = `"\\ </script> \u2028 \u0000 😀 \n`;
  const one = { conversation: conversation({ id: "conv_1", title: hostile }), messages: exchange(1, hostile), earlier: [] };
  const file = JSON.parse([jsonBegin("2026-01-01T00:00:00.000Z"), [jsonOf(one), jsonOf(one)].join(",\n"), JSON_END].join(""));
  expect([file.format, file.version, file.conversations.length]).toEqual(["foreverus.conversations", 1, 2]);
  expect(file.conversations[0].title).toBe(hostile);
  expect(file.conversations[0].messages.map((m: Message) => m.content)).toEqual([hostile, `A: ${hostile}`]);
});

it("writes Markdown with every word of every message", () => {
  const one = { conversation: conversation({ id: "c", title: "Two\nlines" }), messages: exchange(1, "# what\n```js\nx\n```"), earlier: [] };
  const text = markdownOf(one, { user: "Você", assistant: "Modelo" }, "Sem título");
  expect(text.startsWith("# Two lines\n")).toBe(true);
  expect(text).toContain("## Você · 2026-01-01T00:00:00.000Z\n\n# what\n```js\nx\n```\n");
  expect(text).toContain("## Modelo");
});

it("names a file as every system takes it", () => {
  expect(fileName("A: b/c\\d?", "md")).toBe("A b c d.md");
  expect(fileName("../..", "json")).not.toContain("/");
  expect(fileName(" ... ", "json")).toBe("conversation.json");
  expect(fileName("x".repeat(300), "md").length).toBeLessThan(90);
});
