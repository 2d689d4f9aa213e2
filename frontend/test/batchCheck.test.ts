import { describe, expect, it, vi } from "vitest";
import { checkFile, KEPT_PROBLEMS, type Report } from "../src/logic/batchCheck";
import { MOST_BYTES, MOST_LINES } from "../src/logic/batchLimits";
import lines from "./lines.json";
import { LineSplitter, LONGEST_LINE } from "../src/logic/batchLines";

const MODEL = "mistral-7b";
const line = (id: string, body: object = {}, more: object = {}) =>
  JSON.stringify({
    custom_id: id,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: MODEL, messages: [{ role: "user", content: "Oi" }], ...body },
    ...more,
  });

/** A file that is read in pieces of `size` bytes. */
function file(content: string | Uint8Array, size = 1000): Pick<Blob, "size" | "stream"> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const stream = () => {
    let at = 0;
    return new ReadableStream({
      pull(out) {
        if (at >= bytes.length) return out.close();
        out.enqueue(bytes.slice(at, at + size));
        at += size;
      },
    });
  };
  return { size: bytes.length, stream: stream as Blob["stream"] };
}

const check = (content: string | Uint8Array, size?: number): Promise<Report> =>
  checkFile(file(content, size), { models: [MODEL] });

/** `line code param` of every problem. */
async function found(content: string | Uint8Array): Promise<string[]> {
  const { problems } = await check(content);
  return problems.map(({ line, code, param }) => [line ?? "file", code, param].filter((part) => part !== null).join(" "));
}

describe("lines", () => {
  it.each([1, 2, 3, 7, 1000])("are the same however the bytes come (%i at a time)", async (size) => {
    const report = await check(`\ufeff${line("a")}\r\n\r\n${line("ção 🚀")}\n  \n${line("c")}`, size);
    expect(report.problems).toEqual([]);
    expect(report.lines).toBe(3);
  });

  it("have numbers as in an editor: blank ones count", async () => {
    expect(await found(`\n\n${line("a")}\n\n{\n`)).toEqual(["5 invalid_json"]);
  });

  it("lose a byte order mark only where it is one", async () => {
    expect(await found(`${line("a")}\n\ufeff${line("b")}`)).toEqual(["2 invalid_json"]);
  });

  it("may be as long as the limit and not a byte longer, and nothing of a longer one is kept", async () => {
    const empty = line("a", { user: "" });
    const longest = line("a", { user: "x".repeat(LONGEST_LINE - empty.length) });
    expect((await check(`\ufeff${longest}\r\n`, 4096)).problems).toEqual([]);
    const tooLong = line("a", { user: "x".repeat(LONGEST_LINE - empty.length + 1) });
    const ten = "y".repeat(10 * LONGEST_LINE);
    expect(await found(`${line("b")}\n${tooLong}\n${ten}\n${line("c")}`)).toEqual(["2 line_too_long", "3 line_too_long"]);
    const splitter = new LineSplitter();
    for (let i = 0; i < 64; i++) expect([...splitter.push(new Uint8Array(LONGEST_LINE).fill(65))]).toEqual([]);
    expect((splitter as unknown as { pieces: unknown[] }).pieces).toEqual([]);
  });

  it("that are not UTF-8 are named, and the rest is read", async () => {
    const bytes = new TextEncoder().encode(`${line("a")}\n{"x": "?"}\n${line("b")}\n`);
    bytes[bytes.indexOf("?".charCodeAt(0))] = 0xe9; // "é" as Latin-1 writes it
    expect(await found(bytes)).toEqual(["2 invalid_utf8"]);
  });
});

describe("the whole file", () => {
  it("must hold a request", async () => {
    expect(await found("")).toEqual(["file empty_file"]);
    expect(await found("\ufeff\r\n \n")).toEqual(["file empty_file"]);
  });

  it("is not read when it is too large", async () => {
    const stream = vi.fn();
    const report = await checkFile({ size: MOST_BYTES + 1, stream }, { models: [MODEL] });
    expect(report.problems).toMatchObject([{ line: null, code: "file_too_large" }]);
    expect(stream).not.toHaveBeenCalled();
  });

  it("may have 50,000 lines, and blank ones do not count", async () => {
    const lines = Array.from({ length: MOST_LINES }, (_, i) => `${line(String(i))}\n\n`).join("");
    const report = await check(lines, 65_536);
    expect([report.lines, report.problems, report.whole]).toEqual([MOST_LINES, [], true]);
    const more = await check(`${lines}${line("one more")}\n{`, 65_536);
    expect(more.problems).toMatchObject([{ line: 2 * MOST_LINES + 1, code: "too_many_lines" }]);
    expect([more.lines, more.whole]).toEqual([MOST_LINES, false]);
  });

  it("keeps the first problems and counts them all", async () => {
    const report = await check(`${line("a")}\n`.repeat(300));
    expect(report.problems).toHaveLength(KEPT_PROBLEMS);
    expect(report.counts).toEqual({ duplicate_custom_id: 299 });
  });

  it("shares one url and one model", async () => {
    const completion = JSON.stringify({
      ...{ custom_id: "b", method: "POST", url: "/v1/completions" },
      body: { model: MODEL, prompt: "Era uma vez" },
    });
    expect(await found(`${line("a")}\n${completion}`)).toEqual(["2 mismatched_url url"]);
    expect((await check(completion)).endpoint).toBe("/v1/completions");
    expect(await found(`${line("a", { model: "gpt-4o" })}`)).toEqual(["1 unknown_model body.model"]);
    const nobodyKnows = await checkFile(file(`${line("a", { model: "x" })}\n${line("b", { model: "y" })}`), { models: [] });
    expect(nobodyKnows.problems).toMatchObject([{ line: 2, code: "mismatched_model", values: { first: "x" } }]);
  });

  it("names the line that used a custom_id first", async () => {
    const { problems } = await check(`${line("a")}\n${line("b")}\n${line("a")}`);
    expect(problems).toMatchObject([{ line: 3, code: "duplicate_custom_id", values: { id: "a", first: 1 } }]);
  });
});

/** tests/unit/batches/test_page_agrees.py holds the server to the same file. */
describe("a request", () => {
  it.each(lines)("$text → $found", async ({ text, found: expected }) => {
    expect((await found(text)).sort()).toEqual([...expected].sort());
  });

  it("that is no JSON says where it breaks", async () => {
    const { problems } = await check(`{"a": 1, }\n{"a": `);
    expect(problems).toMatchObject([{ hint: "column", values: { column: 10 } }, { hint: "cut" }]);
  });
});

describe("a check", () => {
  it("lets the page breathe, says how far it is, and can be stopped", async () => {
    let now = 0;
    const clock = () => (now += 5); // every line takes 5 ms
    const stop = new AbortController();
    const pause = vi.fn(async (): Promise<void> => undefined);
    const seen: number[] = [];
    const content = Array.from({ length: 30 }, (_, i) => line(String(i))).join("\n");
    const onProgress = (_: number, lines: number) => seen.push(lines);
    await checkFile(file(content, 100_000), { models: [MODEL], pause, clock, onProgress });
    expect(seen).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
    expect(pause).toHaveBeenCalledTimes(10);
    pause.mockImplementation(async () => stop.abort(new Error("stopped")));
    const stopped = checkFile(file(content), { models: [MODEL], pause, clock, signal: stop.signal });
    await expect(stopped).rejects.toThrow("stopped");
  });

  it("guesses the prompts' tokens", async () => {
    const report = await check(line("a", { messages: [{ role: "user", content: "x".repeat(3500) }] }));
    expect(report.promptTokens).toBeGreaterThan(900);
    expect(report.promptTokens).toBeLessThan(1100);
    expect(report.model).toBe(MODEL);
  });
});
