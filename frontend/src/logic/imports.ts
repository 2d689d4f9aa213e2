/**
 * What can be imported of a file: our own JSON (docs/export.md), or the `conversations.json` of a ChatGPT export. Pure.
 *
 * A ChatGPT conversation is a tree of messages, `mapping`; what its reader saw last is the way from `current_node` up to
 * the root. Nothing in a file is trusted to be there or to be of any type: what cannot be read is told, and costs
 * nothing else its place.
 */
import { FORMAT, VERSION } from "./archive";

export const MOST_FILE_BYTES = 100_000_000;
export const MOST_TEXT_BYTES = 300_000;
const MOST_EXCHANGES = 10_000;
const A_REQUEST = { exchanges: 100, characters: 2_000_000 };
const MOST_TITLE = 200;
const MOST_SYSTEM = 4_000;
const LONG_AGO = "2000-01-01T00:00:00.000Z"; // of what has no time that can be read
/** Stands where the file has an answer to nothing. */
const NO_QUESTION = "…";

export interface Exchange {
  question: string;
  answer: string;
  asked_at?: string;
  answered_at?: string;
}

/** As POST /imports takes it, but for the parts that a long one is sent in. */
export interface Importable {
  source: "foreverus" | "chatgpt";
  source_id: string;
  title: string;
  system?: string;
  created_at: string;
  updated_at?: string;
  exchanges: readonly Exchange[];
}

export type Why = "shape" | "empty" | "long" | "many" | "deleted" | "refused";
export interface Refused {
  title: string;
  why: Why;
}
export interface Found {
  taken: readonly Importable[];
  refused: readonly Refused[];
}
export type Unreadable = "large" | "not_json" | "newer" | "unknown";

interface Turn {
  role: "user" | "assistant";
  text: string;
  at: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
/** No half of a character: nothing that takes UTF-8 has those. */
const textOf = (value: unknown): string => (typeof value === "string" ? value.replace(/[\ud800-\udfff]/gu, "\ufffd") : "");
const isVisible = (text: string) => /[^\s\p{C}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]/u.test(text);
const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);

/** Seconds since 1970, or ISO 8601; undefined: no time of the past. */
function timeOf(value: unknown, now: number): string | undefined {
  const at = typeof value === "number" ? value * 1000 : typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isFinite(at) && at >= 0 && at <= now ? new Date(at).toISOString() : undefined;
}

/** The messages from the root to what was seen last. A circle ends where it closes. */
function path(mapping: Fields, last: unknown): Fields[] {
  const nodes: Fields[] = [];
  const seen = new Set<string>();
  let id = typeof last === "string" && isFields(own(mapping, last)) ? last : leafOf(mapping);
  while (id !== undefined && !seen.has(id)) {
    seen.add(id);
    const node = own(mapping, id);
    if (!isFields(node)) break;
    nodes.push(node);
    id = typeof node["parent"] === "string" ? node["parent"] : undefined;
  }
  return nodes.reverse();
}

/** Where nobody says what was seen last: the newest end, down the last child of each from a root. */
function leafOf(mapping: Fields): string | undefined {
  const isRoot = (id: string) => {
    const node = own(mapping, id);
    return isFields(node) && (typeof node["parent"] !== "string" || !isFields(own(mapping, node["parent"])));
  };
  let id = Object.keys(mapping).findLast(isRoot) ?? Object.keys(mapping).at(-1);
  const seen = new Set<string>();
  while (id !== undefined && !seen.has(id)) {
    seen.add(id);
    const node = own(mapping, id);
    const next = isFields(node) ? listOf(node["children"]).findLast((child) => typeof child === "string" && isFields(own(mapping, child))) : undefined;
    if (typeof next !== "string" || seen.has(next)) return id;
    id = next;
  }
  return id;
}

function turnOf(node: Fields, now: number): Turn | undefined {
  const message = node["message"];
  if (!isFields(message)) return undefined;
  const author = isFields(message["author"]) ? message["author"]["role"] : undefined;
  if (author !== "user" && author !== "assistant") return undefined; // what tools and the system said is no part of the talk
  const metadata = message["metadata"];
  if (isFields(metadata) && metadata["is_visually_hidden_from_conversation"] === true) return undefined;
  const text = contentOf(message["content"]);
  return isVisible(text) ? { role: author, text, at: timeOf(message["create_time"], now) } : undefined;
}

function contentOf(content: unknown): string {
  if (typeof content === "string") return textOf(content);
  if (!isFields(content)) return "";
  const kind = content["content_type"];
  if (kind === "code") {
    const code = textOf(content["text"]);
    return code ? "```\n" + code + "\n```" : "";
  }
  if (kind !== undefined && kind !== "text" && kind !== "multimodal_text") return ""; // thoughts, what a tool printed
  const parts = listOf(content["parts"]).map((part) => {
    if (typeof part === "string") return textOf(part);
    if (!isFields(part)) return "";
    return typeof part["text"] === "string" ? textOf(part["text"]) : "[" + (textOf(part["content_type"]).split("_")[0] || "file") + "]";
  });
  return parts.filter(isVisible).join("\n\n");
}

/** Questions with their answers: what one side says in a row is one message. */
export function exchangesOf(turns: readonly Turn[]): Exchange[] {
  const found: { asked: Turn[]; answered: Turn[] }[] = [];
  for (const turn of turns) {
    const last = found.at(-1);
    if (turn.role === "assistant") {
      if (last) last.answered.push(turn);
      else found.push({ asked: [], answered: [turn] });
    } else if (last && last.answered.length === 0) last.asked.push(turn);
    else found.push({ asked: [turn], answered: [] });
  }
  const join = (some: readonly Turn[]) => some.map(({ text }) => text).join("\n\n");
  return found.map(({ asked, answered }) => {
    const [asked_at, answered_at] = [asked.find(({ at }) => at)?.at, answered.findLast(({ at }) => at)?.at];
    return { question: join(asked) || NO_QUESTION, answer: join(answered), ...(asked_at ? { asked_at } : {}), ...(answered_at ? { answered_at } : {}) };
  });
}

const bytes = (text: string) => new TextEncoder().encode(text).length;
const isLong = (text: string) => text.length > MOST_TEXT_BYTES || (text.length * 3 > MOST_TEXT_BYTES && bytes(text) > MOST_TEXT_BYTES);

function checked(one: Importable): Importable | Why {
  if (one.exchanges.length === 0) return "empty";
  if (one.exchanges.length > MOST_EXCHANGES) return "many";
  return one.exchanges.some(({ question, answer }) => isLong(question) || isLong(answer)) ? "long" : one;
}

function common(given: Fields, created: unknown, updated: unknown, turns: readonly Turn[], now: number) {
  const title = textOf(given["title"]).replace(/\s+/g, " ").trim();
  const created_at = timeOf(created, now) ?? turns.find(({ at }) => at)?.at ?? LONG_AGO;
  const updated_at = timeOf(updated, now);
  return { title: isVisible(title) ? [...title].slice(0, MOST_TITLE / 2).join("") : "", created_at, ...(updated_at ? { updated_at } : {}), exchanges: exchangesOf(turns) };
}

function ofChatGpt(given: unknown, now: number): Importable | Why {
  if (!isFields(given) || !isFields(given["mapping"])) return "shape";
  const turns = path(given["mapping"], given["current_node"]).flatMap((node) => turnOf(node, now) ?? []);
  const made = common(given, given["create_time"], given["update_time"], turns, now);
  const id = textOf(given["conversation_id"]) || textOf(given["id"]) || `${made.created_at} ${made.title}`;
  return checked({ source: "chatgpt", source_id: id.slice(0, MOST_TITLE), ...made });
}

function ofOurs(given: unknown, now: number): Importable | Why {
  if (!isFields(given) || !Array.isArray(given["messages"])) return "shape";
  const turns = given["messages"].flatMap((one): Turn[] => {
    if (!isFields(one) || (one["role"] !== "user" && one["role"] !== "assistant")) return [];
    const text = textOf(one["content"]);
    return isVisible(text) ? [{ role: one["role"], text, at: timeOf(one["answered_at"] ?? one["created_at"], now) }] : [];
  });
  const made = common(given, given["created_at"], given["updated_at"], turns, now);
  const system = textOf(given["system"]);
  const id = textOf(given["id"]) || `${made.created_at} ${made.title}`;
  return checked({ source: "foreverus", source_id: id.slice(0, MOST_TITLE), ...(isVisible(system) && system.length <= MOST_SYSTEM ? { system } : {}), ...made });
}

/** `now`: nothing is younger. */
export function readImport(text: string, now: number): Found | Unreadable {
  let file: unknown;
  try {
    file = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    return "not_json";
  }
  if (isFields(file) && file["format"] === FORMAT) {
    if (typeof file["version"] === "number" && file["version"] > VERSION) return "newer";
    return sorted(listOf(file["conversations"]), (one) => ofOurs(one, now));
  }
  const list = Array.isArray(file) ? file : isFields(file) && isFields(file["mapping"]) ? [file] : undefined;
  return list ? sorted(list, (one) => ofChatGpt(one, now)) : "unknown";
}

function sorted(list: readonly unknown[], read: (one: unknown) => Importable | Why): Found {
  const taken = new Map<string, Importable>();
  const refused: Refused[] = [];
  for (const one of list) {
    const made = read(one);
    if (typeof made === "string") refused.push({ title: isFields(one) ? textOf(one["title"]).slice(0, MOST_TITLE) : "", why: made });
    else taken.set(made.source_id, made);
  }
  return { taken: [...taken.values()], refused };
}

/** What is sent of one conversation, request by request. */
export function requestsOf(one: Importable): (Importable & { first: number })[] {
  const requests: (Importable & { first: number })[] = [];
  let [part, size, first]: [Exchange[], number, number] = [[], 0, 0];
  const close = () => {
    requests.push({ ...one, exchanges: part, first });
    first += part.length;
    [part, size] = [[], 0];
  };
  for (const exchange of one.exchanges) {
    const more = JSON.stringify(exchange).length;
    if (part.length > 0 && (part.length === A_REQUEST.exchanges || size + more > A_REQUEST.characters)) close();
    part.push(exchange);
    size += more;
  }
  if (part.length > 0) close();
  return requests;
}
