/**
 * What of a person's conversations is kept on a device, so that they can be read without a line: those that were open on
 * it, the newest messages of each, for two weeks. Pure.
 */
import type { Conversation, Message } from "../types";
import { NO_CHAT, textOf, type Chat } from "./chat";

export const MOST_CONVERSATIONS = 50;
export const MOST_MESSAGES = 50;
export const MOST_CHARACTERS = 300_000; // of one conversation's texts
export const MOST_LISTED = 200;
export const KEPT_MS = 14 * 24 * 3_600_000;

export interface KeptChat {
  at: number;
  messages: readonly Message[];
  /** The oldest of them, where there are older ones. */
  older: string | null;
}

export interface KeptPerson {
  at: number;
  id: string;
  name: string;
  conversations: readonly Conversation[];
}

/** The newest messages, with what was said so far of an answer that is not finished. */
export function keptOf(chat: Chat, now: number): KeptChat {
  const all = chat.messages.map((message) =>
    chat.streams[message.id] ? { ...message, content: textOf(chat, message) } : message,
  );
  let from = all.length;
  for (let characters = 0; from > 0 && all.length - from < MOST_MESSAGES; from--) {
    characters += all[from - 1]!.content?.length ?? 0;
    if (characters > MOST_CHARACTERS && from < all.length) break;
  }
  const messages = all.slice(from);
  return { at: now, messages, older: from > 0 ? (messages[0]?.id ?? null) : chat.older };
}

/** As a conversation that is to be fetched still: what comes from the server joins it, or takes its place. */
export function chatOf(kept: KeptChat): Chat {
  const newest = kept.messages.at(-1);
  return { ...NO_CHAT, messages: kept.messages, older: kept.older, reached: newest ? newest.id.slice(4) : "" };
}

/** Of entries with their last use: those that go, because they are too old or too many. */
export function tooMany(entries: readonly { key: string; at: number }[], now: number): string[] {
  const newest = [...entries].sort((a, b) => b.at - a.at);
  return newest.filter(({ at }, place) => place >= MOST_CONVERSATIONS || now - at > KEPT_MS).map(({ key }) => key);
}
