import { describe, expect, it } from "vitest";
import { againFile, chosen, csvOf, questionOf, readResults, rowOf, type ResultRow } from "../src/logic/batchResults";

const asked = (id: string, question: string) =>
  JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body: { messages: [{ role: "system", content: "Kurz." }, { role: "user", content: question }] } });
const answered = (id: string, content: string, finish = "stop") =>
  JSON.stringify({
    custom_id: id,
    response: { status_code: 200, body: { choices: [{ message: { content }, finish_reason: finish }], usage: { prompt_tokens: 7, completion_tokens: 3 } } },
    error: null,
  });
const failed = (id: string, code: string) => JSON.stringify({ custom_id: id, response: null, error: { code, message: `it was ${code}` } });
const rejected = (id: string) =>
  JSON.stringify({ custom_id: id, response: { status_code: 400, body: { error: { code: "prompt_rejected", message: "no" } } }, error: null });

function streamed(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

describe("a batch's results", () => {
  const input = [asked("a", "Qual é a capital?"), asked("b", "Por quê?"), "", asked("c", "🙂?"), asked("d", "Quando?")].join("\r\n");
  const output = [answered("a", "Brasília"), answered("d", "Nunca", "length")].join("\n");
  const errors = [failed("c", "engine_failed"), rejected("b")].join("\n") + "\n";

  it.each([1, 7, 64, 100_000])("are the same in pieces of %i bytes: failed ones first, then the input's order", async (size) => {
    const { rows, failedLines } = await readResults(streamed(input, size), streamed(output, size), streamed(errors, size));
    expect(rows.map((row) => [row.id, row.question, row.answer, row.error?.code ?? null, row.cut])).toEqual([
      ["b", "Por quê?", "", "prompt_rejected", false],
      ["c", "🙂?", "", "engine_failed", false],
      ["a", "Qual é a capital?", "Brasília", null, false],
      ["d", "Quando?", "Nunca", null, true],
    ]);
    expect(failedLines).toEqual([asked("b", "Por quê?"), asked("c", "🙂?")]);
  });

  it("stand alone when the questions are gone", async () => {
    const { rows, failedLines } = await readResults(null, streamed(output, 50), null);
    expect(rows.map((row) => [row.id, row.question])).toEqual([["a", ""], ["d", ""]]);
    expect(failedLines).toEqual([]);
  });

  it("read text completions, parts and lists, and lines that are none of it", () => {
    expect(rowOf(JSON.parse('{"custom_id":"1","response":{"body":{"choices":[{"text":" two","finish_reason":"stop"}]}}}')).answer).toBe(" two");
    expect(questionOf({ body: { prompt: ["one", "two"] } })).toBe("one\ntwo");
    expect(questionOf({ body: { messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] }] } })).toBe("ab");
    for (const odd of [{}, { body: null }, { body: { messages: "x" } }, { body: { messages: [null, 3] } }, { response: [], error: 1 }]) {
      expect(questionOf(odd)).toBe("");
      expect(rowOf(odd)).toMatchObject({ id: "", answer: "", error: null });
    }
  });

  it("are searched in all that is shown, whatever case and accents are", async () => {
    const { rows } = await readResults(streamed(input, 99), streamed(output, 99), streamed(errors, 99));
    const ids = (which: "all" | "failed" | "answered", words: string) => chosen(rows, which, words).map((row) => row.id);
    expect(ids("all", "BRASILIA capital")).toEqual(["a"]);
    expect(ids("all", "engine_failed")).toEqual(["c"]);
    expect(ids("failed", "")).toEqual(["b", "c"]);
    expect(ids("answered", " ")).toEqual(["a", "d"]);
    expect(ids("failed", "brasilia")).toEqual([]);
  });

  it("are a spreadsheet that opens with its accents, and with no formula in it", async () => {
    const row: ResultRow = { id: "=1", question: 'say "hi"; now\nor never', answer: "@sum(A1)", error: null, cut: false, promptTokens: 1, completionTokens: 2 };
    const bytes = new Uint8Array(await csvOf([row], ["id", "q", "a", "e", "m", "r", "w"], ";").arrayBuffer());
    expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(new TextDecoder().decode(bytes)).toBe(`id;q;a;e;m;r;w\r\n"'=1";"say ""hi""; now\nor never";"'@sum(A1)";;;1;2\r\n`);
  });

  it("that failed become a file of their own", async () => {
    const again = againFile(["{}", "{}"], "exam.jsonl");
    expect([again.name, await again.text()]).toEqual(["exam (2).jsonl", "{}\n{}\n"]);
    expect(["exam (2).jsonl", "batch_1", "a (x).csv"].map((name) => againFile([], name).name)).toEqual([
      "exam (3).jsonl",
      "batch_1 (2).jsonl",
      "a (x).csv (2).jsonl",
    ]);
  });
});
