/** One conversation as the page knows it: messages from REST and from the WebSocket, merged without loss or repetition. */
import type { Message, MessageStatus } from "../types";
import { addDelta, addSnapshot, EMPTY, hasGap, type Assembled } from "./answers";

export interface Chat {
  messages: readonly Message[];
  /** Texts that are still being put together, by answer id. */
  streams: Readonly<Record<string, Assembled>>;
  /** False until the messages were fetched once. */
  loaded: boolean;
}

export const NO_CHAT: Chat = { messages: [], streams: {}, loaded: false };

const RANK: Record<MessageStatus, number> = { accepted: 0, queued: 1, answering: 2, answered: 3, failed: 3 };

export function isFinalMessage(message: Message): boolean {
  return message.status === "answered" || message.status === "failed";
}

/** `msg_X` and `ans_X` belong together, and X grows with time: the order that the server lists them in. */
function inOrder(a: Message, b: Message): number {
  const order = a.id.slice(4).localeCompare(b.id.slice(4));
  return order || (a.role === "user" ? -1 : 1);
}

export function mergeMessages(chat: Chat, got: readonly Message[], loaded = chat.loaded): Chat {
  const byId = new Map(chat.messages.map((message) => [message.id, message]));
  const streams = { ...chat.streams };
  for (const message of got) {
    const have = byId.get(message.id);
    if (have && RANK[have.status] > RANK[message.status]) continue;
    byId.set(message.id, message);
    if (message.role !== "assistant") continue;
    if (isFinalMessage(message)) delete streams[message.id];
    else streams[message.id] = addSnapshot(streams[message.id] ?? EMPTY, message.content ?? "");
  }
  // A stream for a message that nobody knows stays: its message is on its way by REST.
  return { messages: [...byId.values()].sort(inOrder), streams, loaded };
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
  const message = chat.messages.find((m) => m.id === id);
  if (message && isFinalMessage(message)) return chat;
  const stream = addDelta(chat.streams[id] ?? EMPTY, delta);
  const messages =
    message && message.status !== "answering"
      ? chat.messages.map((m) => (m === message ? { ...m, status: "answering" as const } : m))
      : chat.messages;
  return { ...chat, messages, streams: { ...chat.streams, [id]: stream } };
}

/** True when only a GET can make the picture whole: a gap, or a delta for a message that we have never seen. */
export function needsFetch(chat: Chat): boolean {
  const known = new Set(chat.messages.map((message) => message.id));
  return Object.entries(chat.streams).some(([id, stream]) => hasGap(stream) || !known.has(id));
}

export function questionOf(chat: Chat, answer: Message): Message | undefined {
  return chat.messages.find((message) => message.role === "user" && message.id.slice(4) === answer.id.slice(4));
}

export function isWaiting(chat: Chat): boolean {
  return chat.messages.some((message) => message.role === "assistant" && !isFinalMessage(message));
}

export function textOf(chat: Chat, message: Message): string {
  const stream = chat.streams[message.id];
  return stream && !isFinalMessage(message) ? stream.text : (message.content ?? "");
}
