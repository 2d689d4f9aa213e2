/**
 * What one line of a batch may say: docs/batches.md, "A line", and the server's schemas chat_line.json and
 * completion_line.json, which have the last word. test/lines.json holds both to the same.
 */

export type Code =
  | "empty_file"
  | "file_too_large"
  | "too_many_lines"
  | "line_too_long"
  | "invalid_utf8"
  | "invalid_json"
  | "missing_field"
  | "invalid_field"
  | "unknown_parameter"
  | "duplicate_custom_id"
  | "unknown_model"
  | "mismatched_model"
  | "mismatched_url";

/** What the field must be instead; the words are in i18n under `batch.hint`. */
export type Hint =
  | "object"
  | "string"
  | "custom_id"
  | "integer"
  | "range"
  | "stop"
  | "messages"
  | "content"
  | "choice"
  | "exactly"
  | "model"
  | "same"
  | "duplicate"
  | "limit"
  | "column"
  | "cut"
  | "unusable";

export interface Problem {
  /** null: the whole file. */
  line: number | null;
  code: Code;
  param: string | null;
  hint?: Hint;
  values?: Record<string, string | number>;
}

export type Found = Omit<Problem, "line">;

export const ENDPOINTS = ["/v1/chat/completions", "/v1/completions"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

export const LONGEST_ID = 256; // characters
const MOST_TOKENS = 1_000_000;
const MOST_STOPS = 4;
const MOST_PROBLEMS = 10; // of one line
const LONGEST_NAME = 60; // characters of a parameter's name that are shown

type Json = Record<string, unknown>;
/** What is wrong with the value at `path`. */
type Check = (value: unknown, path: string) => Iterable<Found>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function join(path: string, name: string): string {
  const short = name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
  return path ? `${path}.${short}` : short;
}

/** A check of one value by itself. */
function must(fits: (value: unknown) => boolean, hint: Hint, values?: Problem["values"]): Check {
  return (value, path) =>
    fits(value) ? [] : [{ code: "invalid_field", param: path, hint, ...(values ? { values } : {}) }];
}

const isText = (value: unknown): value is string => typeof value === "string";
const string = must(isText, "string");

const range = (least: number, most: number): Check =>
  must((value) => typeof value === "number" && value >= least && value <= most, "range", { least, most });

const integer = (least: number, most: number): Check =>
  must((value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most, "integer", {
    least,
    most,
  });

const exactly = (only: unknown): Check => must((value) => value === only, "exactly", { only: String(only) });

const choice = (...known: string[]): Check =>
  must((value) => known.includes(value as string), "choice", { known: known.join(", ") });

/** null is as good as leaving it out. */
const optional =
  (check: Check): Check =>
  (value, path) =>
    value === null ? [] : check(value, path);

function object(required: string[], known: Record<string, Check>, open = false): Check {
  return function* (value, path) {
    if (!isObject(value)) return yield { code: "invalid_field", param: path, hint: "object" };
    for (const name of required) if (!(name in value)) yield { code: "missing_field", param: join(path, name) };
    for (const [name, inner] of Object.entries(value)) {
      if (Object.hasOwn(known, name)) yield* known[name]!(inner, join(path, name));
      else if (!open) yield { code: "unknown_parameter", param: join(path, name) };
    }
  };
}

function list(of: Check, least: number, most: number, hint: Hint): Check {
  return function* (value, path) {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      return yield { code: "invalid_field", param: path, hint, values: { most } };
    }
    for (const [i, inner] of value.entries()) yield* of(inner, `${path}[${i}]`);
  };
}

const textOr =
  (check: Check): Check =>
  (value, path) =>
    isText(value) ? [] : check(value, path);

const part = object(["type", "text"], { type: exactly("text"), text: string });
const message = object(["role", "content"], {
  role: choice("system", "developer", "user", "assistant"),
  content: textOr(list(part, 1, Infinity, "content")),
});

const OPTIONAL: Record<string, Check> = {
  max_tokens: optional(integer(1, MOST_TOKENS)),
  max_completion_tokens: optional(integer(1, MOST_TOKENS)),
  temperature: optional(range(0, 2)),
  top_p: optional(range(0, 1)),
  stop: optional(textOr(list(string, 0, MOST_STOPS, "stop"))),
  seed: optional(integer(-(2 ** 63), 2 ** 63)),
  presence_penalty: optional(range(-2, 2)),
  frequency_penalty: optional(range(-2, 2)),
  response_format: optional(
    object(["type"], { type: choice("text", "json_object", "json_schema"), json_schema: object([], {}, true) }, true),
  ),
  user: optional(string),
  n: optional(exactly(1)),
  stream: optional(exactly(false)),
};

const BODIES: Record<Endpoint, Check> = {
  "/v1/chat/completions": object(["model", "messages"], {
    ...OPTIONAL,
    model: string,
    messages: list(message, 1, Infinity, "messages"),
  }),
  "/v1/completions": object(["model", "prompt"], { ...OPTIONAL, model: string, prompt: string }),
};

export function isEndpoint(url: unknown): url is Endpoint {
  return ENDPOINTS.includes(url as Endpoint);
}

const lineOf = (endpoint: Endpoint): Check =>
  object(["custom_id", "method", "url", "body"], {
    custom_id: must((id) => isText(id) && id !== "" && [...id].length <= LONGEST_ID, "custom_id", { most: LONGEST_ID }),
    method: exactly("POST"),
    url: string,
    body: BODIES[endpoint],
  });

const LINES: Record<Endpoint, Check> = {
  "/v1/chat/completions": lineOf("/v1/chat/completions"),
  "/v1/completions": lineOf("/v1/completions"),
};

/** What is wrong with one line by itself; what it shares with other lines is `Checker`'s. */
export function lineProblems(line: Json, endpoint: Endpoint): Found[] {
  const { url } = line;
  if (isText(url) && url !== endpoint) {
    // Its body is another endpoint's: the rest would mislead.
    const values = isEndpoint(url) ? { first: endpoint } : { known: ENDPOINTS.join(", ") };
    return [{ code: "mismatched_url", param: "url", hint: isEndpoint(url) ? "same" : "choice", values }];
  }
  return [...LINES[endpoint](line, "")].slice(0, MOST_PROBLEMS);
}

/** The prompt's texts of a valid body, for the estimate. */
export function promptTexts(body: Json): string[] {
  const texts: unknown[] = [body["prompt"]];
  for (const one of Array.isArray(body["messages"]) ? (body["messages"] as unknown[]) : []) {
    const content = isObject(one) ? one["content"] : undefined;
    if (Array.isArray(content)) texts.push(content.map((inner) => (isObject(inner) ? inner["text"] : "")).join("\n"));
    else texts.push(content);
  }
  return texts.filter(isText);
}

const DEEPEST = 64; // lists and objects in each other

/** False: nested too deeply, or half a character ("\ud800" without its other half), which no answer can quote. */
export function isUsable(value: unknown, depth = 0): boolean {
  if (isText(value)) return !/[\ud800-\udfff]/u.test(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth === DEEPEST) return false;
  return Object.entries(value).every(([name, inner]) => isUsable(name) && isUsable(inner, depth + 1));
}
