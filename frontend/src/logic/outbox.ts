import type { Message } from "../types";

/** What was typed and is not yet known to be accepted. Kept for the tab's life, so that a reload loses nothing. */
export interface Unsent {
  /** The Idempotency-Key: the same for every try, so that a retry is not a second question. */
  key: string;
  /** null: the conversation itself is still to be made. */
  conversationId: string | null;
  content: string;
  /** The newest message that was known when it was sent: only a later one can be this one. */
  after?: string;
  /** `waiting`: nobody could be reached; it is sent when the line, or the sign-in, is back. */
  state: "sending" | "resending" | "waiting" | "failed";
  /** Why it failed; an empty string: the page was left before the answer came. */
  error?: string;
  /** Sent again as it is, it is refused again. */
  refused?: boolean;
}

export interface Saved {
  outbox: Unsent[];
  drafts: Record<string, string>;
}

export const NOTHING: Saved = { outbox: [], drafts: {} };

const place = (person: string) => `foreverus.unsent.${person}`;

export function save(store: Storage, person: string, saved: Saved): void {
  const drafts = Object.fromEntries(Object.entries(saved.drafts).filter(([, text]) => text !== ""));
  try {
    if (saved.outbox.length === 0 && Object.keys(drafts).length === 0) store.removeItem(place(person));
    else store.setItem(place(person), JSON.stringify({ outbox: saved.outbox, drafts }));
  } catch {
    // A full or forbidden store: the page still holds it all in memory.
  }
}

export function restore(store: Storage, person: string): Saved {
  try {
    const saved = JSON.parse(store.getItem(place(person)) ?? "null") as Saved | null;
    if (!saved) return NOTHING;
    const outbox = saved.outbox.map((item) =>
      item.state === "failed" || item.state === "waiting" ? item : { ...item, state: "failed" as const, error: "" },
    );
    return { outbox, drafts: saved.drafts };
  } catch {
    return NOTHING;
  }
}

/**
 * What is left after `messages` were fetched: the server may have a question whose acceptance was never heard. It
 * carries no key, so it is known by its words and by being newer than what was there before. Each is one item's: of two
 * with the same words the other one is still to be sent.
 */
export function stillUnsent(items: readonly Unsent[], conversationId: string, messages: readonly Message[]): Unsent[] {
  const taken: Message[] = [];
  const left = items.filter((item) => {
    if (item.conversationId !== conversationId) return true;
    const arrived = messages.find((m) => !taken.includes(m) && m.role === "user" && isOf(m, item));
    if (arrived) taken.push(arrived);
    return !arrived;
  });
  return taken.reduce(afterThat, left);
}

function isOf(message: Message, item: Unsent): boolean {
  return message.content === item.content && message.id.slice(4) > (item.after ?? "");
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
