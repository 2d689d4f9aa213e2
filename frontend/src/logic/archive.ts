/**
 * Conversations as a file: our own JSON (docs/export.md) and Markdown. Pure.
 *
 * Nothing of what was written is changed, but where a Markdown file could not be told from its own headings.
 */
import type { Conversation, Message } from "../types";

export const FORMAT = "foreverus.conversations";
export const VERSION = 1;

/** `earlier`: what stands in earlier versions alone, in the order of time. */
export interface Archived {
  conversation: Conversation;
  messages: readonly Message[];
  earlier: readonly Message[];
}

const kept = <T extends object>(from: T, names: readonly (keyof T)[]) =>
  Object.fromEntries(names.filter((name) => from[name] !== undefined && from[name] !== null).map((name) => [name, from[name]]));

const message = (one: Message) =>
  kept(one, ["id", "role", "content", "status", "created_at", "answered_at", "in_reply_to", "replaces", "finish_reason", "backend", "usage", "error"]);

function whole({ conversation, messages, earlier }: Archived): object {
  return {
    ...kept(conversation, ["id", "title", "system", "created_at", "updated_at", "pinned"]),
    messages: messages.map(message),
    earlier: earlier.map(message),
  };
}

/** What the file begins with, its conversations with a comma between them, and its end: one after the other as they come. */
export function jsonBegin(at: string): string {
  return `{"format":${JSON.stringify(FORMAT)},"version":${VERSION},"exported_at":${JSON.stringify(at)},"conversations":[\n`;
}

export const jsonOf = (one: Archived) => JSON.stringify(whole(one), null, 1);

export const JSON_END = "\n]}\n";

/** `who`: how the two are called in the reader's language. */
export function markdownOf({ conversation, messages }: Archived, who: { user: string; assistant: string }, untitled: string): string {
  const title = (conversation.title || untitled).replace(/\s+/g, " ");
  const said = messages.map((one) => `## ${who[one.role]} · ${one.created_at}\n\n${one.content ?? ""}\n`);
  return [`# ${title}\n`, ...said].join("\n");
}

/** A name that every system takes. */
export function fileName(title: string, ending: string): string {
  const name = title.replace(/[\p{C}<>:"/\\|?*\u2028\u2029]+/gu, " ").replace(/\s+/g, " ").trim().slice(0, 80).replace(/^\.+|[. ]+$/g, "");
  return `${name || "conversation"}.${ending}`;
}
