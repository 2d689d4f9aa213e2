/** What a chat, its draft and its wishes become when something is heard or typed; nothing here asks the server. */
import { answeredSince, NO_CHAT, type Chat } from "../logic/chat";
import { area, chats, conversations, current, drafts, finished, fresh, wishes } from "../state";
import { known, t } from "../i18n";
import type { BackendChoice, Message } from "../types";
import { say } from "./notices";
import { go } from "./places";

/** Every answer that is over is told of, however the page hears of it. */
export function change(id: string, by: (chat: Chat) => Chat): Chat {
  const before = chats.value[id] ?? NO_CHAT;
  const chat = by(before);
  chats.value = { ...chats.value, [id]: chat };
  const answers = answeredSince(before, chat);
  for (const answer of answers) tell(id, answer);
  if (answers.length > 0) finished.value = { conversation: id, count: answers.length };
  return chat;
}

function tell(id: string, answer: Message): void {
  const title = conversations.value.find((one) => one.id === id)?.title || t("chat.untitled");
  if (answer.status === "failed") say(t("chat.done.failed", { reason: whyFailed(answer) }));
  else if (id === current.value && area.value === "chats") say(t("chat.done"));
  else say(t("chat.done.in", { title }));
}

/** In the person's language where we know it. */
export function whyFailed(answer: Message): string {
  return known("error", answer.error?.code) ?? answer.error?.message ?? t("chat.status.failed");
}

/** Who is to answer there, until the server has it; undefined: as the server says. */
export function wish(key: string, backend: BackendChoice | undefined): void {
  const { [key]: _, ...others } = wishes.value;
  wishes.value = backend ? { ...others, [key]: backend } : others;
}

export function setDraft(key: string, text: string): void {
  drafts.value = { ...drafts.value, [key]: text };
}

/** In the other half of the page nobody is moved: the conversation is open when they come back. `chain`: of what is to
 * become a new one. */
export function select(id: string | null, chain: string | null = null): void {
  if (area.value === "chats") return go({ area: "chats", id, fresh: chain });
  current.value = id;
  fresh.value = chain;
}

/** A conversation was made, here or in another tab: whoever looks at what is to become it is there now. */
export function madeOf(chain: string, id: string): void {
  if (current.value !== null || fresh.value !== chain) return;
  const typed = drafts.value.new;
  if (typed) {
    setDraft(id, typed);
    setDraft("new", "");
  }
  if (area.value === "chats") go({ area: "chats", id }, true);
  else current.value = id;
}
