/**
 * What a batch answered, line by line: the question from its input file, the answer or the error from its two result
 * files. Pure but for reading streams. Failed lines come first, then the order of the input.
 */
import Papa from "papaparse";
import { LineSplitter } from "./batchLines";
import { hasWords, plain } from "./search";

export interface ResultRow {
  /** The line's custom_id. */
  id: string;
  /** What was asked: the last message of the person, or the prompt. Empty where the input is gone. */
  question: string;
  answer: string;
  error: { code: string; message: string } | null;
  /** The answer ended because it became too long. */
  cut: boolean;
  promptTokens: number;
  completionTokens: number;
}

export interface Results {
  rows: readonly ResultRow[];
  /** The lines of the input, as they were sent, of what failed. */
  failedLines: readonly string[];
}

/** More than this is no table for a page: it is downloaded. */
export const MOST_BYTES = 48_000_000;

export class TooLarge extends Error {}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === "string" ? value : "");
const count = (value: unknown) => (typeof value === "number" ? value : 0);

/** Calls `onLine` with each line that is a JSON object, and its own text. The page stays awake meanwhile. */
export async function readLines(
  body: ReadableStream<Uint8Array>,
  onLine: (line: Json, raw: string) => void,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const splitter = new LineSplitter();
  const decoder = new TextDecoder();
  const take = (bytes: Uint8Array | null) => {
    if (!bytes || bytes.length === 0) return;
    const raw = decoder.decode(bytes);
    try {
      const line: unknown = JSON.parse(raw);
      if (isObject(line)) onLine(line, raw);
    } catch {
      // Blank, or no JSON: the check of a batch said so where it matters.
    }
  };
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      onBytes(value.length);
      for (const line of splitter.push(value)) take(line.bytes);
      await new Promise((next) => setTimeout(next));
    }
    for (const line of splitter.end()) take(line.bytes);
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function contentOf(content: unknown): string {
  if (!Array.isArray(content)) return text(content);
  return content.filter(isObject).map((part) => text(part["text"])).join("");
}

/** What a person wrote in a line of the input. */
export function questionOf(line: Json): string {
  const body = isObject(line["body"]) ? line["body"] : {};
  const messages = Array.isArray(body["messages"]) ? body["messages"].filter(isObject) : [];
  const asked = messages.filter((message) => message["role"] === "user").at(-1) ?? messages.at(-1);
  if (asked) return contentOf(asked["content"]);
  const prompt = body["prompt"];
  return Array.isArray(prompt) ? prompt.map(text).join("\n") : text(prompt);
}

/** A line of the output or of the error file. */
export function rowOf(line: Json): ResultRow {
  const response = isObject(line["response"]) ? line["response"] : {};
  const body = isObject(response["body"]) ? response["body"] : {};
  const [first] = Array.isArray(body["choices"]) ? body["choices"].filter(isObject) : [];
  const usage = isObject(body["usage"]) ? body["usage"] : {};
  const message = isObject(first?.["message"]) ? first["message"] : {};
  const failed = isObject(line["error"]) ? line["error"] : isObject(body["error"]) ? body["error"] : null;
  return {
    id: text(line["custom_id"]),
    question: "",
    answer: text(message["content"]) || text(first?.["text"]),
    error: failed && { code: text(failed["code"]), message: text(failed["message"]) },
    cut: first?.["finish_reason"] === "length",
    promptTokens: count(usage["prompt_tokens"]),
    completionTokens: count(usage["completion_tokens"]),
  };
}

type Source = ReadableStream<Uint8Array> | null;

/** `input` null: it was deleted, or is not the person's to read; the rows then have no question. Throws TooLarge. */
export async function readResults(
  input: Source,
  output: Source,
  errors: Source,
  onBytes: (all: number) => void = () => undefined,
): Promise<Results> {
  let bytes = 0;
  const counted = (more: number) => {
    bytes += more;
    onBytes(bytes);
    if (bytes > MOST_BYTES) throw new TooLarge();
  };
  const found = new Map<string, ResultRow>();
  const keep = (line: Json) => {
    const row = rowOf(line);
    found.set(row.id, row);
  };
  if (errors) await readLines(errors, keep, counted);
  if (output) await readLines(output, keep, counted);
  if (!input) return { rows: failedFirst([...found.values()]), failedLines: [] };
  const ordered: ResultRow[] = [];
  const failedLines: string[] = [];
  const ask = (line: Json, raw: string) => {
    const row = found.get(text(line["custom_id"]));
    if (!row) return;
    found.delete(row.id);
    ordered.push({ ...row, question: questionOf(line) });
    if (row.error) failedLines.push(raw);
  };
  await readLines(input, ask, counted);
  return { rows: failedFirst([...ordered, ...found.values()]), failedLines };
}

function failedFirst(rows: readonly ResultRow[]): ResultRow[] {
  return [...rows.filter((row) => row.error), ...rows.filter((row) => !row.error)];
}

export type Which = "all" | "failed" | "answered";

/** All that is shown of a row, plain: made when somebody searches for the first time, for all keys after that. */
const plainRows = new WeakMap<ResultRow, string>();

function plainRow(row: ResultRow): string {
  const made = plainRows.get(row) ?? plain([row.id, row.question, row.answer, row.error?.code, row.error?.message].join("\n"));
  plainRows.set(row, made);
  return made;
}

export function chosen(rows: readonly ResultRow[], which: Which, words: string): readonly ResultRow[] {
  const wanted = which === "all" ? rows : rows.filter((row) => (row.error !== null) === (which === "failed"));
  return words.trim() ? wanted.filter((row) => hasWords(plainRow(row), words)) : wanted;
}

/**
 * For spreadsheets: with the byte order mark that they know UTF-8 by, the separator of the person's language (in Brazil
 * a comma stands in numbers), and no text that a spreadsheet would take for a formula.
 */
export function csvOf(rows: readonly ResultRow[], head: readonly string[], separator: "," | ";"): Blob {
  const lines = rows.map((row) => [
    row.id,
    row.question,
    row.answer,
    row.error ? row.error.code : "",
    row.error ? row.error.message : "",
    row.promptTokens,
    row.completionTokens,
  ]);
  const csv = Papa.unparse([[...head], ...lines], { delimiter: separator, escapeFormulae: true });
  return new Blob(["\ufeff", csv, "\r\n"], { type: "text/csv" });
}

/** The lines that failed as a batch of their own, named after the first one: `exam.jsonl`, `exam (2).jsonl`, … */
export function againFile(lines: readonly string[], name: string): File {
  const [, base, n] = /^(.*?)(?: \((\d{1,4})\))?(?:\.(?:jsonl|ndjson|json|txt))?$/is.exec(name) ?? [];
  return new File([lines.map((line) => `${line}\n`).join("")], `${base || name} (${Number(n ?? 1) + 1}).jsonl`);
}
