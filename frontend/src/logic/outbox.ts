import type { Message } from "../types";
import type { Settings } from "./settings";

/** What was typed and is not yet known to be accepted. */
export interface Unsent {
  /** The Idempotency-Key: the same for every try, so that a retry is not a second question. */
  key: string;
  /** null: the conversation itself is still to be made. */
  conversationId: string | null;
  /** Those of one chain go into one conversation, one after the other: its id, or a name of ours until it has one. */
  chain: string;
  content: string;
  /** Ids of files. */
  images?: readonly string[];
  /** When it was typed, by the server's clock in ms: the order of a chain. */
  at: number;
  /** The newest message that was known when it was typed: only a later one can be this one. */
  after?: string;
  /** When it first left, in ms; none: the server cannot have it. */
  triedAt?: number;
  /** Of the conversation that is to be made. */
  settings?: Partial<Settings>;
  /** `waiting`: nobody could be reached; it is sent when the line, or the sign-in, is back. */
  state: "sending" | "resending" | "waiting" | "failed";
  /** Why it failed. */
  error?: string;
  trace?: Trace | undefined;
  /** Sent again as it is, it is refused again. */
  refused?: boolean;
}

/** What finds an error in the log: the API's id of the request, or that of a message; its code, its HTTP status. */
export interface Trace {
  id: string;
  code?: string | null | undefined;
  status?: number | undefined;
}

/** The server knows an Idempotency-Key for 24 hours; whoever comes later looks first whether it has the message. */
export const KEY_KEPT_MS = 20 * 3_600_000;

export const inOrder = (items: readonly Unsent[]): Unsent[] =>
  [...items].sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));

/** What of a chain is to be sent next. */
export function nextOf(items: readonly Unsent[], chain: string): Unsent | undefined {
  return inOrder(items).find((item) => item.chain === chain && item.state !== "failed");
}

/** The chain of a new message in `conversationId`; where that is to be made, in the new conversation `fresh`. */
export function chainOf(items: readonly Unsent[], conversationId: string | null, fresh: string): string {
  if (conversationId === null) return fresh;
  return items.find((item) => item.conversationId === conversationId)?.chain ?? conversationId;
}

/** Conversations that are still to be made, each as its first message. */
export function unmade(items: readonly Unsent[]): Unsent[] {
  const firsts = new Map<string, Unsent>();
  for (const item of inOrder(items)) {
    if (item.conversationId === null && !firsts.has(item.chain)) firsts.set(item.chain, item);
  }
  return [...firsts.values()];
}

/**
 * What is left after `messages` were fetched: the server may have a question whose acceptance was never heard. It
 * carries no key, so it is known by its words, its images and by being newer than what was there before. Each is one item's: of two
 * with the same words the other one is still to be sent. What never left cannot have arrived.
 */
export function stillUnsent(items: readonly Unsent[], conversationId: string, messages: readonly Message[]): Unsent[] {
  const taken: Message[] = [];
  const left = items.filter((item) => {
    if (item.conversationId !== conversationId || item.triedAt === undefined) return true;
    const arrived = messages.find((m) => !taken.includes(m) && m.role === "user" && isOf(m, item));
    if (arrived) taken.push(arrived);
    return !arrived;
  });
  return taken.reduce(afterThat, left);
}

function isOf(message: Message, item: Unsent): boolean {
  const shows = (message.images ?? []).map((one) => one.file_id).join() === (item.images ?? []).join();
  return shows && message.content === item.content && message.id.slice(4) > (item.after ?? "");
}

/** `question` is known to be another item's: none of those that are left is taken for it. */
export function afterThat(items: Unsent[], question: Message): Unsent[] {
  const theirs = (item: Unsent) => item.conversationId === question.conversation_id && isOf(question, item);
  return items.map((item) => (theirs(item) ? { ...item, after: question.id.slice(4) } : item));
}

/** A conversation's title from its first message: the first line, cut at a word. */
export function titleFrom(content: string, longest = 60): string {
  const line = content.trim().split("\n", 1)[0]!.trim();
  const chars = [...line];
  if (chars.length <= longest) return line;
  const cut = chars.slice(0, longest - 1).join("");
  const space = cut.lastIndexOf(" ");
  return `${space > longest / 2 ? cut.slice(0, space) : cut}…`;
}
