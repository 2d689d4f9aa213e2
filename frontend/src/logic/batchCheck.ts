/** A whole batch file, checked line by line before anything of it is sent. */
import { ticks } from "./clock";
import { MOST_BYTES, MOST_LINES } from "./batchLimits";
import { LineSplitter, LONGEST_LINE, type RawLine } from "./batchLines";
import { isObject, isUsable, promptTexts } from "./batchValues";
import { ENDPOINTS, isEndpoint, lineProblems } from "./batchProblems";
import type { Found, Problem } from "./batchFindings";
import type { Endpoint } from "./batchProblems";

const HIGHEST_NUMBER = 999_999; // of a line, blank ones counted
export const KEPT_PROBLEMS = 100; // as many as the server keeps
const BYTES_A_TOKEN = 3.5; // the server's rule of thumb, batches/input/lines.py; shown as "about"
const TOKENS_A_MESSAGE = 6; // the chat template's, and one for what the division drops
const PAUSE_AFTER_MS = 12; // of work: the page stays able to draw 60 frames a second

export interface Report {
  /** Requests: lines that are not blank. */
  lines: number;
  bytes: number;
  /** The first ones, in the file's order. */
  problems: readonly Problem[];
  /** How often each code was found, all of them counted. */
  counts: Readonly<Partial<Record<Problem["code"], number>>>;
  endpoint: Endpoint | null;
  model: string | null;
  promptTokens: number;
  /** False when reading ended early: more lines than a batch may have. */
  whole: boolean;
}

const encoder = new TextEncoder();
const bytesIn = (text: string) => encoder.encode(text).length;
const BLANK = /^[ \t\v\f\r]*$/; // ASCII only, as the server sees it
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The engine's message is English and differs between browsers; where it names a place, the place is told. */
function whereBroken(error: unknown): Pick<Found, "hint" | "values"> {
  const message = error instanceof Error ? error.message : "";
  if (/unexpected end|unterminated/i.test(message)) return { hint: "cut" };
  const [, column] = /column (\d+)/.exec(message) ?? [];
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (column) return { hint: "column", values: { column: Number(column) } };
  return position ? { hint: "column", values: { column: Number(position) + 1 } } : {};
}

const short = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 59)}…`);

/** Remembers what lines share: names that were used, the first line's url and model. */
export class Checker {
  private ids = new Map<string, number>();
  private problems: Problem[] = [];
  private counts: Partial<Record<Problem["code"], number>> = {};
  private lines = 0;
  private endpoint: Endpoint | null = null;
  private model: string | null = null;
  private promptTokens = 0;
  private whole = true;

  /** `models`: the names that the API serves; empty: nobody could say, so any name is taken. */
  constructor(private models: readonly string[]) {}

  /** False: there is no point in reading on. */
  add(raw: RawLine): boolean {
    const text = this.text(raw);
    if (text !== null && BLANK.test(text)) return true;
    if (this.lines === MOST_LINES || raw.number > HIGHEST_NUMBER) {
      this.whole = false;
      this.found(raw.number, { code: "too_many_lines", param: null, hint: "limit", values: { most: MOST_LINES } });
      return false;
    }
    this.lines += 1;
    if (text === null) return true;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      this.found(raw.number, { code: "invalid_json", param: null, ...whereBroken(error) });
      return true;
    }
    const odd = /\\u[dD][89a-fA-F]/.test(text) || (text.match(/[{[]/g)?.length ?? 0) > 64;
    if (!isObject(value)) this.found(raw.number, { code: "invalid_json", param: null, hint: "object" });
    else if (odd && !isUsable(value)) this.found(raw.number, { code: "invalid_json", param: null, hint: "unusable" });
    else this.request(raw.number, value);
    return true;
  }

  report(bytes: number): Report {
    if (this.lines === 0 && this.whole) this.found(null, { code: "empty_file", param: null });
    const { lines, problems, counts, endpoint, model, promptTokens, whole } = this;
    return { lines, bytes, problems, counts, endpoint, model, promptTokens, whole };
  }

  /** Nothing was read. */
  tooLarge(bytes: number): Report {
    this.whole = false;
    this.found(null, { code: "file_too_large", param: null, hint: "limit", values: { most: MOST_BYTES } });
    return this.report(bytes);
  }

  private found(line: number | null, what: Found): void {
    this.counts[what.code] = (this.counts[what.code] ?? 0) + 1;
    if (this.problems.length < KEPT_PROBLEMS) this.problems.push({ line, ...what });
  }

  private text(raw: RawLine): string | null {
    if (raw.bytes === null) {
      this.found(raw.number, { code: "line_too_long", param: null, hint: "line", values: { most: LONGEST_LINE } });
      return null;
    }
    try {
      return utf8.decode(raw.bytes);
    } catch {
      this.found(raw.number, { code: "invalid_utf8", param: null });
      return null;
    }
  }

  private request(number: number, line: Record<string, unknown>): void {
    const { custom_id: id, url, body } = line;
    if (isEndpoint(url)) this.endpoint ??= url;
    for (const problem of lineProblems(line, this.endpoint ?? ENDPOINTS[0])) this.found(number, problem);
    if (typeof id === "string") {
      const first = this.ids.get(id);
      if (first === undefined) this.ids.set(id, number);
      else {
        const values = { id: short(id), first };
        this.found(number, { code: "duplicate_custom_id", param: "custom_id", hint: "duplicate", values });
      }
    }
    if (!isObject(body)) return;
    this.checkModel(number, body["model"]);
    for (const text of promptTexts(body)) this.promptTokens += bytesIn(text) / BYTES_A_TOKEN + TOKENS_A_MESSAGE;
  }

  /** Another name is a wrong one until ours has been seen; then the file mixes models. */
  private checkModel(number: number, model: unknown): void {
    if (typeof model !== "string") return;
    if (this.models.length === 0 ? this.model === null : this.models.includes(model) && this.model === null) {
      this.model = model;
    }
    if (model === this.model) return;
    if (this.model !== null) {
      const values = { first: this.model };
      this.found(number, { code: "mismatched_model", param: "body.model", hint: "same", values });
    } else {
      const values = { found: short(model), known: this.models.join(", ") };
      this.found(number, { code: "unknown_model", param: "body.model", hint: "model", values });
    }
  }
}

export interface CheckOptions {
  models: readonly string[];
  signal?: AbortSignal;
  onProgress?: (bytes: number, lines: number) => void;
  /** Lets the page draw and listen. */
  pause?: () => Promise<void>;
  clock?: () => number;
}

const nextTask = () => new Promise<void>((done) => setTimeout(done));

/** Reads `file` to its end, one line in memory at a time. Throws the signal's reason, or what reading throws. */
export async function checkFile(file: Pick<Blob, "size" | "stream">, options: CheckOptions): Promise<Report> {
  const { models, signal, onProgress, pause = nextTask, clock = ticks } = options;
  const checker = new Checker(models);
  if (file.size > MOST_BYTES) return checker.tooLarge(file.size);
  const splitter = new LineSplitter();
  const reader = file.stream().getReader();
  let read = 0;
  let since = clock();
  let lines = 0;
  const take = async (found: Iterable<RawLine>): Promise<boolean> => {
    for (const line of found) {
      lines = line.number;
      if (!checker.add(line)) return false;
      if (clock() - since > PAUSE_AFTER_MS) {
        onProgress?.(read, lines);
        await pause();
        signal?.throwIfAborted();
        since = clock();
      }
    }
    return true;
  };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      read += value.length;
      if (!(await take(splitter.push(value)))) return checker.report(file.size);
    }
    await take(splitter.end());
    return checker.report(file.size);
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
