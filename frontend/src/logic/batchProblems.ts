/** What the schema's errors about one line mean for the person who wrote it. */
import type { ErrorObject } from "ajv";
import { imageProblem } from "./batchImages";
import type { Found } from "./batchFindings";
import { isObject } from "./batchValues";
import { chatLine, completionLine } from "virtual:line-schemas";

export const ENDPOINTS = ["/v1/chat/completions", "/v1/completions"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

const LINES = { "/v1/chat/completions": chatLine, "/v1/completions": completionLine };
const MOST_PROBLEMS = 10; // of one line
const LONGEST_NAME = 60; // characters of a parameter's name that are shown

export function isEndpoint(url: unknown): url is Endpoint {
  return ENDPOINTS.includes(url as Endpoint);
}

/** What is wrong with one line by itself; what it shares with other lines is `Checker`'s. */
export function lineProblems(line: Record<string, unknown>, endpoint: Endpoint): Found[] {
  const { url } = line;
  if (typeof url === "string" && url !== endpoint) {
    // Its body is another endpoint's: the rest would mislead.
    const values = isEndpoint(url) ? { first: endpoint } : { known: ENDPOINTS.join(", ") };
    return [{ code: "mismatched_url", param: "url", hint: isEndpoint(url) ? "same" : "choice", values }];
  }
  const fits = LINES[endpoint];
  const read = meant(line);
  if (fits(read)) {
    const found = imageProblem(read["body"]);
    return found ? [found] : [];
  }
  const problems = new Map<string, Found>(); // a value that breaks two rules is one problem
  for (const error of fits.errors ?? []) {
    if (error.keyword === "if") continue; // what its `then` asks for is an error of its own
    const found = problemOf(error);
    const key = `${found.code} ${found.param}`;
    if (!problems.has(key)) problems.set(key, found);
    if (problems.size === MOST_PROBLEMS) break;
  }
  return [...problems.values()];
}

/** The server's rule (backends/messages.py): null is as if absent, and what an assistant refused to say is its text. */
function meant(line: Record<string, unknown>): Record<string, unknown> {
  const kept = withoutNulls(line);
  if (!isObject(kept["body"])) return kept;
  const body = withoutNulls(kept["body"]);
  if (isObject(body["response_format"])) body["response_format"] = format(body["response_format"]);
  if (Array.isArray(body["messages"])) {
    body["messages"] = body["messages"].map((one: unknown) => (isObject(one) ? message(one) : one));
  }
  return { ...kept, body };
}

const withoutNulls = (of: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(of).filter(([, value]) => value !== null));

/** In a schema itself null may be a value that is meant. */
function format(of: Record<string, unknown>): Record<string, unknown> {
  const kept = withoutNulls(of);
  return isObject(kept["json_schema"]) ? { ...kept, json_schema: withoutNulls(kept["json_schema"]) } : kept;
}

function message(of: Record<string, unknown>): Record<string, unknown> {
  const kept = withoutNulls(of);
  const { role, content, refusal } = kept;
  if (Array.isArray(content)) kept["content"] = content.map((one: unknown) => (isObject(one) ? part(one) : one));
  const isEmpty = content === undefined || content === "" || (Array.isArray(content) && content.length === 0);
  return role === "assistant" && isEmpty ? { ...kept, content: refusal ?? "" } : kept;
}

function part(of: Record<string, unknown>): Record<string, unknown> {
  const { refusal, ...kept } = withoutNulls(of);
  if (refusal === undefined) return kept;
  return kept["type"] === "refusal" && !("text" in kept) ? { ...kept, type: "text", text: refusal } : { ...kept, refusal };
}

function problemOf({ keyword, instancePath, params, parentSchema }: ErrorObject): Found {
  const path = paramOf(instancePath);
  const rule = (parentSchema ?? {}) as Rule;
  if (rule.enum?.length === 1 && rule.enum[0] === null) {
    return { code: "unsupported_parameter", param: path, hint: "leave_out" };
  }
  if (keyword === "required") return { code: "missing_field", param: join(path, params["missingProperty"] as string) };
  if (keyword === "additionalProperties") {
    return { code: "unknown_parameter", param: join(path, params["additionalProperty"] as string) };
  }
  return { code: "invalid_field", param: path, ...hintOf(rule) };
}

/** `/body/messages/0` → `body.messages[0]`: names that the schema knows, so nothing in them is escaped. */
const paramOf = (pointer: string) => pointer.slice(1).replaceAll(/\/(\d+)/g, "[$1]").replaceAll("/", ".");

function join(path: string, name: string): string {
  const short = name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
  return path ? `${path}.${short}` : short;
}

/** The part of a schema that a value breaks. */
interface Rule {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
}

/** null is as good as leaving a field out, so no hint speaks of it. */
function hintOf(rule: Rule): Pick<Found, "hint" | "values"> {
  const allowed = "const" in rule ? [rule.const] : (rule.enum ?? []).filter((value) => value !== null);
  if (allowed.length === 1) return { hint: "exactly", values: { only: String(allowed[0]) } };
  if (allowed.length > 1) return { hint: "choice", values: { known: allowed.join(", ") } };
  if (rule.maxItems === 0 || rule.maxProperties === 0) return { hint: "leave_out" };
  const types = [rule.type ?? []].flat();
  if (rule.minimum !== undefined && rule.maximum !== undefined) {
    const values = { least: rule.minimum, most: rule.maximum };
    return { hint: types.includes("integer") ? "integer" : "range", values };
  }
  if (types.includes("object")) return { hint: "object" };
  if (rule.maxItems !== undefined) return { hint: "stop", values: { most: rule.maxItems } };
  if (types.includes("array")) return { hint: types.includes("string") ? "content" : "messages" };
  if (rule.maxLength !== undefined) return { hint: "custom_id", values: { most: rule.maxLength } };
  return { hint: "string" };
}
