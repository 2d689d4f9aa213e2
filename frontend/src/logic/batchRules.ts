/** What one line of a batch may say: docs/batches.md, "A line". Pure; the server checks the same again. */

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
  | "method"
  | "integer"
  | "whole"
  | "range"
  | "stop"
  | "messages"
  | "role"
  | "content"
  | "response_format"
  | "exactly"
  | "url"
  | "model"
  | "same"
  | "duplicate"
  | "limit"
  | "column"
  | "cut";

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
const ROLES = ["system", "developer", "user", "assistant"];
const FORMATS = ["text", "json_object", "json_schema"];
const FIELDS = ["custom_id", "method", "url", "body"];
const MOST_STOPS = 4; // OpenAI's limit

type Json = Record<string, unknown>;
type Wrong = Pick<Found, "hint" | "values"> & { at?: string };
type Check = (value: unknown) => Wrong | undefined;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const integer =
  (least: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least ? undefined : { hint: "integer", values: { least } };

const range =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === "number" && value >= least && value <= most ? undefined : { hint: "range", values: { least, most } };

const exactly =
  (only: unknown): Check =>
  (value) =>
    value === only ? undefined : { hint: "exactly", values: { only: String(only) } };

const string: Check = (value) => (typeof value === "string" ? undefined : { hint: "string" });

const stop: Check = (value) => {
  const list = Array.isArray(value) ? value : [value];
  return list.length <= MOST_STOPS && list.every((word) => typeof word === "string")
    ? undefined
    : { hint: "stop", values: { most: MOST_STOPS } };
};

const responseFormat: Check = (value) =>
  isObject(value) && FORMATS.includes(value["type"] as string)
    ? undefined
    : { hint: "response_format", values: { known: FORMATS.join(", ") } };

function isText(content: unknown): boolean {
  if (typeof content === "string") return true;
  return (
    Array.isArray(content) &&
    content.length > 0 &&
    content.every((part) => isObject(part) && part["type"] === "text" && typeof part["text"] === "string")
  );
}

const messages: Check = (value) => {
  if (!Array.isArray(value) || value.length === 0) return { hint: "messages" };
  for (const [i, message] of value.entries()) {
    if (!isObject(message)) return { hint: "object", at: `[${i}]` };
    if (!ROLES.includes(message["role"] as string)) {
      return { hint: "role", values: { known: ROLES.join(", ") }, at: `[${i}].role` };
    }
    if (!isText(message["content"])) return { hint: "content", at: `[${i}].content` };
  }
  return undefined;
};

/** Optional parameters of both endpoints; null is as good as leaving one out. */
const OPTIONAL: Record<string, Check> = {
  max_tokens: integer(1),
  max_completion_tokens: integer(1),
  temperature: range(0, 2),
  top_p: range(0, 1),
  stop,
  seed: (value) => (Number.isInteger(value) ? undefined : { hint: "whole" }),
  presence_penalty: range(-2, 2),
  frequency_penalty: range(-2, 2),
  response_format: responseFormat,
  user: string,
  n: exactly(1),
  stream: exactly(false),
};

const PROMPT: Record<Endpoint, [name: string, check: Check]> = {
  "/v1/chat/completions": ["messages", messages],
  "/v1/completions": ["prompt", string],
};

function* bodyProblems(body: Json, endpoint: Endpoint): Generator<Found> {
  const [promptName, promptCheck] = PROMPT[endpoint];
  for (const name of ["model", promptName]) {
    if (body[name] === undefined) yield { code: "missing_field", param: `body.${name}` };
  }
  for (const [name, value] of Object.entries(body)) {
    const required = name === promptName ? promptCheck : name === "model" ? string : undefined;
    const check = required ?? OPTIONAL[name];
    if (!check) {
      yield { code: "unknown_parameter", param: `body.${name}` };
      continue;
    }
    const wrong = value === null && !required ? undefined : check(value);
    if (!wrong) continue;
    const { at = "", ...rest } = wrong;
    yield { code: "invalid_field", param: `body.${name}${at}`, ...rest };
  }
}

export function isEndpoint(url: unknown): url is Endpoint {
  return ENDPOINTS.includes(url as Endpoint);
}

/** Everything that is wrong with one line by itself; what it shares with other lines is `Checker`'s. */
export function* lineProblems(line: Json): Generator<Found> {
  for (const name of FIELDS) if (line[name] === undefined) yield { code: "missing_field", param: name };
  for (const name of Object.keys(line)) if (!FIELDS.includes(name)) yield { code: "unknown_parameter", param: name };
  const { custom_id: id, method, url, body } = line;
  if (id !== undefined && (typeof id !== "string" || id === "" || [...id].length > LONGEST_ID)) {
    yield { code: "invalid_field", param: "custom_id", hint: "custom_id", values: { most: LONGEST_ID } };
  }
  if (method !== undefined && method !== "POST") yield { code: "invalid_field", param: "method", hint: "method" };
  if (url !== undefined && !isEndpoint(url)) {
    yield { code: "mismatched_url", param: "url", hint: "url", values: { known: ENDPOINTS.join(", ") } };
  }
  if (body === undefined) return;
  if (!isObject(body)) yield { code: "invalid_field", param: "body", hint: "object" };
  else if (isEndpoint(url)) yield* bodyProblems(body, url);
}

/** The prompt's text of a valid body, for the estimate. */
export function promptText(body: Json): string[] {
  const found: string[] = [];
  if (typeof body["prompt"] === "string") found.push(body["prompt"]);
  for (const message of Array.isArray(body["messages"]) ? (body["messages"] as unknown[]) : []) {
    const content = isObject(message) ? message["content"] : undefined;
    if (typeof content === "string") found.push(content);
    else if (Array.isArray(content)) {
      for (const part of content) if (isObject(part) && typeof part["text"] === "string") found.push(part["text"]);
    }
  }
  return found;
}

export { isObject };
