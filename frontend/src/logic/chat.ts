/** One conversation as the page knows it: messages from REST and from the WebSocket, merged without loss or repetition. */
import type { Message, MessageStatus } from "../types";
import { addDelta, addSnapshot, EMPTY, hasGap, type Assembled } from "./answers";

export interface Chat {
  messages: readonly Message[];
  /** Texts that are still being put together, by answer id. */
  streams: Readonly<Record<string, Assembled>>;
  /** False until the messages were fetched once. */
  loaded: boolean;
  /** The oldest message that was fetched, where there are older ones; null: there are none. */
  older: string | null;
  /** The newest exchange that was fetched: from `older` to it nothing is missing. */
  reached: string;
}

export const NO_CHAT: Chat = { messages: [], streams: {}, loaded: false, older: null, reached: "" };

const RANK: Record<MessageStatus, number> = { accepted: 0, queued: 1, answering: 2, answered: 3, failed: 3 };

export function isFinalMessage(message: Pick<Message, "status">): boolean {
  return message.status === "answered" || message.status === "failed";
}

/** `msg_X` and `ans_X` belong together, and X grows with time: the order that the server lists them in. */
const exchange = (id: string) => id.slice(4);

function inOrder(a: Message, b: Message): number {
  const [one, other] = [exchange(a.id), exchange(b.id)];
  return one < other ? -1 : one > other ? 1 : a.role === "user" ? -1 : 1;
}

/** Older than all that was fetched: it comes with the page that it is on, and not before the others of that page. */
function isBehind(chat: Chat, id: string): boolean {
  return chat.older !== null && exchange(id) < exchange(chat.older);
}

/** The newest messages, as a GET lists them, `hasMore` when there are older ones. Where they do not reach what is known,
 * that is forgotten: what lies between is not known, and older ones are fetched again when somebody scrolls there. */
export function mergeNewest(chat: Chat, got: readonly Message[], hasMore: boolean): Chat {
  const [newest, oldest] = [got[0], got.at(-1)];
  if (!newest || !oldest) return { ...chat, loaded: true };
  const joins = chat.reached !== "" && exchange(oldest.id) <= chat.reached;
  const older = !hasMore ? null : joins ? chat.older : oldest.id;
  const kept = { ...chat, loaded: true, older, reached: exchange(newest.id) };
  // What the server does not list any more between the two was deleted, here or elsewhere.
  const listed = new Set(got.map((message) => exchange(message.id)));
  const between = (at: string) => exchange(oldest.id) < at && at <= kept.reached;
  const isGone = (message: Message) => between(exchange(message.id)) && !listed.has(exchange(message.id));
  const messages = chat.messages.filter((message) => !isBehind(kept, message.id) && !isGone(message));
  const streams = Object.fromEntries(Object.entries(chat.streams).filter(([id]) => !isBehind(kept, id)));
  return mergeMessages({ ...kept, messages, streams }, got);
}

/** Without a question and its answer. */
export function withoutExchange(chat: Chat, messageId: string): Chat {
  const stays = (id: string) => exchange(id) !== exchange(messageId);
  const streams = Object.fromEntries(Object.entries(chat.streams).filter(([id]) => stays(id)));
  return { ...chat, messages: chat.messages.filter(({ id }) => stays(id)), streams };
}

/** The messages before `chat.older`. */
export function mergeOlder(chat: Chat, got: readonly Message[], hasMore: boolean): Chat {
  return mergeMessages({ ...chat, older: hasMore ? (got.at(-1)?.id ?? null) : null }, got);
}

/** True while an unfinished answer is known that is older than `got`: only a further page says how it stands. */
export function isShortOf(chat: Chat, got: readonly Message[]): boolean {
  const oldest = exchange(got.at(-1)?.id ?? "");
  const unfinished = chat.messages.filter((message) => message.role === "assistant" && !isFinalMessage(message));
  return oldest <= chat.reached && unfinished.some((message) => exchange(message.id) < oldest);
}

/** A question that took another's place has made an earlier version of that one and of all up to itself. */
function isReplaced(message: Message, by: readonly Message[]): boolean {
  const at = exchange(message.id);
  return by.some((one) => one.replaces && exchange(one.replaces) <= at && at < exchange(one.id));
}

export function mergeMessages(chat: Chat, all: readonly Message[]): Chat {
  // Also what is known already: a GET that was asked before the replacing came back after it has the earlier version.
  const replacing = [...chat.messages, ...all].filter((message) => message.replaces);
  const got = all.filter((message) => !isBehind(chat, message.id) && !isReplaced(message, replacing));
  const had = chat.messages.filter((message) => !isReplaced(message, replacing));
  const byId = new Map(had.map((message) => [message.id, message]));
  const streams = { ...chat.streams };
  for (const message of got) {
    const have = byId.get(message.id);
    if (have && RANK[have.status] > RANK[message.status]) continue;
    byId.set(message.id, message);
    if (message.role !== "assistant") continue;
    if (isFinalMessage(message)) delete streams[message.id];
    else streams[message.id] = addSnapshot(streams[message.id] ?? EMPTY, message.content);
  }
  // A stream for a message that nobody knows stays: its message is on its way by REST.
  return { ...chat, messages: [...byId.values()].sort(inOrder), streams };
}

export interface Delta {
  message_id: string;
  offset: number;
  text: string;
}

/** A delta names the question that it answers; the answer to `msg_X` is `ans_X`. */
function answerId(messageId: string): string {
  return `ans_${messageId.slice(4)}`;
}

export function mergeDelta(chat: Chat, delta: Delta): Chat {
  const id = answerId(delta.message_id);
  if (isBehind(chat, id)) return chat;
  const message = chat.messages.findLast((m) => m.id === id);
  if (message && isFinalMessage(message)) return chat;
  const stream = addDelta(chat.streams[id] ?? EMPTY, delta);
  const messages =
    message && message.status !== "answering"
      ? chat.messages.map((m) => (m === message ? { ...m, status: "answering" as const } : m))
      : chat.messages;
  return { ...chat, messages, streams: { ...chat.streams, [id]: stream } };
}

/** Answers that are over now and were not: those of a first page, or of older ones, are no news. */
export function answeredSince(before: Chat, now: Chat): Message[] {
  if (before.messages === now.messages || !before.loaded) return [];
  const had = new Map(before.messages.map((message) => [message.id, message]));
  return now.messages.filter((message) => {
    if (message.role !== "assistant" || !isFinalMessage(message)) return false;
    const known = had.get(message.id);
    return known ? !isFinalMessage(known) : exchange(message.id) > before.reached;
  });
}

/** True when only a GET can make the picture whole: a gap, or a delta for a message that we have never seen. */
export function needsFetch(chat: Chat): boolean {
  for (const id in chat.streams) {
    // With each piece of an answer: its message is one of the last.
    if (hasGap(chat.streams[id]!) || chat.messages.findLastIndex((message) => message.id === id) < 0) return true;
  }
  return false;
}

export function questionOf(chat: Chat, answer: Message): Message | undefined {
  return chat.messages.find((message) => message.role === "user" && exchange(message.id) === exchange(answer.id));
}

const ABOUT_THE_QUESTION = new Set([
  "context_length_exceeded",
  "prompt_rejected",
  "unsupported_parameter",
  "content_filter",
]);

/** Asked again as it is, the question ends the same way: only another question helps. */
export function mustBeRewritten(answer: Message): boolean {
  return ABOUT_THE_QUESTION.has(answer.error?.code ?? "");
}

export function isWaiting(chat: Pick<Chat, "messages">): boolean {
  return chat.messages.some((message) => message.role === "assistant" && !isFinalMessage(message));
}

export function textOf(chat: Chat, message: Message): string {
  const stream = chat.streams[message.id];
  return stream && !isFinalMessage(message) ? stream.text : message.content;
}
