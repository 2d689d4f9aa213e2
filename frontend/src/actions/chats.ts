import { ApiError, type Api } from "../api";
import { backoffMs } from "../logic/backoff";
import {
  isFinalMessage,
  isShortOf,
  mergeDelta,
  mergeMessages,
  mergeNewest,
  mergeOlder,
  needsFetch,
  NO_CHAT,
  type Chat,
  type Delta,
} from "../logic/chat";
import { afterThat, stillUnsent, titleFrom, type Unsent } from "../logic/outbox";
import { area, chat, chats, conversations, current, draftKey, drafts, leaving, outbox, stopping, wishes } from "../state";
import { t } from "../i18n";
import type { BackendChoice, Message, Posted } from "../types";
import { gotConversations } from "./conversations";
import { explain, offerUndo, report, say } from "./notices";
import { go } from "./places";
import { gotSessions } from "./sessions";

const TRIES = 4;
export const UNDO_MS = 8_000;

function change(id: string, by: (chat: Chat) => Chat): Chat {
  const chat = by(chats.value[id] ?? NO_CHAT);
  chats.value = { ...chats.value, [id]: chat };
  return chat;
}

function put(item: Unsent): void {
  outbox.value = outbox.value.map((other) => (other.key === item.key ? item : other));
}

/** Who is to answer there, until the server has it; undefined: as the server says. */
function wish(key: string, backend: BackendChoice | undefined): void {
  const { [key]: _, ...others } = wishes.value;
  wishes.value = backend ? { ...others, [key]: backend } : others;
}

export function setDraft(key: string, text: string): void {
  drafts.value = { ...drafts.value, [key]: text };
}

/** In the other half of the page nobody is moved: the conversation is open when they come back. */
export function select(id: string | null): void {
  if (area.value === "chats") go({ area: "chats", id });
  else current.value = id;
}

export function chatActions(api: Api, wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))) {
  const running = new Set<string>();
  const again = new Set<string>();
  const fetchingOlder = new Set<string>();
  const asking = new Set<string>();

  async function replace(id: string, ask: () => Promise<Posted>): Promise<boolean> {
    try {
      const posted = await ask();
      change(id, (chat) => mergeMessages(chat, [posted.message, posted.answer]));
      if (posted.session) gotSessions([posted.session]);
      return true;
    } catch (error) {
      report(error);
      return false;
    }
  }

  /** One GET at a time for a conversation; asked for meanwhile, it runs once more, so that it sees what is newer. */
  async function fetchMessages(id: string): Promise<void> {
    again.add(id);
    if (running.has(id)) return;
    running.add(id);
    try {
      while (again.delete(id)) {
        const messages: Message[] = [];
        let hasMore = true;
        do {
          const page = await api.messages(id, messages.at(-1)?.id);
          messages.push(...page.data);
          hasMore = page.has_more === true && page.data.length > 0;
        } while (hasMore && isShortOf(chats.value[id] ?? NO_CHAT, messages));
        change(id, (chat) => mergeNewest(chat, messages, hasMore));
        const left = stillUnsent(outbox.value, id, messages);
        if (left.length < outbox.value.length) outbox.value = left;
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && current.value === id) select(null);
      report(error);
    } finally {
      running.delete(id);
    }
  }

  /** The page of messages before the oldest that is shown. */
  async function fetchOlder(id: string): Promise<void> {
    const before = chats.value[id]?.older;
    if (!before || fetchingOlder.has(id)) return;
    fetchingOlder.add(id);
    try {
      const page = await api.messages(id, before);
      // What is known may have been fetched anew meanwhile: then this page does not join it.
      change(id, (chat) => (chat.older === before ? mergeOlder(chat, page.data, page.has_more === true) : chat));
    } catch (error) {
      report(error);
    } finally {
      fetchingOlder.delete(id);
    }
  }

  async function deliver(start: Unsent): Promise<void> {
    let item = start;
    for (let attempt = 0; ; attempt++) {
      try {
        if (item.conversationId === null) {
          const backend = wishes.value.new ?? "auto";
          const title = titleFrom(item.content);
          const conversation = await api.createConversation(
            backend === "auto" ? { title } : { title, backend },
            `${item.key} ${backend}`,
          );
          wish("new", undefined);
          gotConversations([conversation]);
          change(conversation.id, (chat) => ({ ...chat, loaded: true }));
          const fresh = current.value === null;
          item = { ...item, conversationId: conversation.id };
          put(item);
          if (fresh) select(conversation.id);
        }
        const id = item.conversationId!;
        const posted = await api.post(id, item.content, item.key);
        change(id, (chat) => mergeMessages(chat, [posted.message, posted.answer]));
        outbox.value = afterThat(outbox.value.filter((other) => other.key !== item.key), posted.message);
        conversations.value = conversations.value.map((c) =>
          c.id === id ? { ...c, updated_at: posted.message.created_at } : c,
        );
        gotConversations([]);
        if (posted.session) gotSessions([posted.session]);
        return;
      } catch (error) {
        if (error instanceof ApiError && error.passing && attempt + 1 < TRIES) {
          item = { ...item, state: "resending" };
          put(item);
          await wait(Math.max(backoffMs(attempt), 1000 * (error.retryAfter ?? 0)));
          continue;
        }
        const status = error instanceof ApiError ? error.status : 0;
        if (error instanceof ApiError && (error.code === "no_connection" || error.code === "signed_out")) {
          put({ ...item, state: "waiting" });
          if (error.code === "signed_out") report(error);
          return;
        }
        if (status === 404 && item.conversationId !== null) {
          // The conversation was deleted elsewhere: what was written stays, for a new one.
          if (current.value === item.conversationId) select(null);
          const anew = { key: crypto.randomUUID(), conversationId: null, after: "" };
          const failed: Unsent = { ...item, ...anew, state: "failed", error: explain(error) };
          outbox.value = outbox.value.map((other) => (other.key === item.key ? failed : other));
          return;
        }
        put({ ...item, state: "failed", error: explain(error), refused: status === 400 || status === 413 });
        return;
      }
    }
  }

  /** A new question in the open conversation; what is being written in the composer stays. */
  function ask(content: string): Promise<void> {
    const item: Unsent = {
      key: crypto.randomUUID(),
      conversationId: current.value,
      content,
      after: chat.value.messages.at(-1)?.id.slice(4) ?? "",
      state: "sending",
    };
    outbox.value = [...outbox.value, item];
    return deliver(item);
  }

  /** Puts a text into the composer, before what stands there. */
  function rewrite(text: string, key = draftKey.value): void {
    const draft = drafts.value[key] ?? "";
    setDraft(key, draft ? `${text}\n${draft}` : text);
  }

  return {
    fetchMessages,
    fetchOlder,

    ask,

    /** Asks what stands in the composer, and empties it. */
    send(content: string): Promise<void> {
      const key = draftKey.value;
      const sent = ask(content);
      setDraft(key, "");
      return sent;
    },

    resend(item: Unsent): Promise<void> {
      const { error: _, refused: __, ...rest } = item;
      const again: Unsent = { ...rest, state: "sending" };
      put(again);
      return deliver(again);
    },

    /** The line is back: what waited for it goes, oldest first, each once. */
    async sendWaiting(): Promise<void> {
      for (const item of outbox.value.filter((one) => one.state === "waiting")) {
        const still = outbox.value.find((one) => one.key === item.key);
        if (still?.state !== "waiting") continue;
        const again: Unsent = { ...still, state: "sending" };
        put(again);
        await deliver(again);
        if (outbox.value.some((one) => one.key === item.key && one.state === "waiting")) return;
      }
    },

    /** Takes a message that was not sent back into the composer. */
    edit(item: Unsent): void {
      outbox.value = outbox.value.filter((other) => other.key !== item.key);
      rewrite(item.content, item.conversationId ?? "new");
    },

    rewrite,

    /** Who answers in the open conversation from now on. */
    async chooseBackend(backend: BackendChoice): Promise<void> {
      const id = current.value;
      wish(draftKey.value, backend);
      if (!id) return;
      try {
        gotConversations([await api.changeConversation(id, { backend })]);
      } catch (error) {
        report(error);
      } finally {
        wish(id, undefined);
      }
    },

    /** Another answer to the same question, from `backend` where one is named. */
    async regenerate(answer: Message, backend?: BackendChoice): Promise<void> {
      if (asking.has(answer.id)) return;
      asking.add(answer.id);
      try {
        await replace(answer.conversation_id, () => api.regenerate(answer.conversation_id, answer.id, backend, crypto.randomUUID()));
      } finally {
        asking.delete(answer.id);
      }
    },

    /** Another question in the place of one. True when the server has it. */
    edited(question: Message, content: string): Promise<boolean> {
      const { conversation_id: id } = question;
      return replace(id, () => api.post(id, content, crypto.randomUUID(), question.id));
    },

    /** The exchange that a question took the place of; null: it cannot be had. */
    async earlier(question: Message): Promise<Message[] | null> {
      try {
        const { data } = await api.version(question.conversation_id, question.replaces!);
        return data.filter((one) => one.id.slice(4) === question.replaces!.slice(4)).reverse();
      } catch (error) {
        report(error);
        return null;
      }
    },

    async rename(id: string, title: string): Promise<void> {
      const before = conversations.value.find((one) => one.id === id);
      if (before) gotConversations([{ ...before, title }]);
      try {
        gotConversations([await api.changeConversation(id, { title })]);
      } catch (error) {
        if (before) gotConversations([before]);
        report(error);
      }
    },

    /** The text so far stays. One that was over before that is fetched as it is. */
    async stop(answer: Message): Promise<void> {
      if (stopping.value.has(answer.id)) return;
      stopping.value = new Set([...stopping.value, answer.id]);
      const id = answer.conversation_id;
      try {
        const stopped = await api.stop(id, answer.id);
        change(id, (chat) => mergeMessages(chat, [stopped]));
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) void fetchMessages(id);
        else report(error);
      } finally {
        stopping.value = new Set([...stopping.value].filter((one) => one !== answer.id));
      }
    },

    /** It is out of sight at once, and gone for good when nobody has taken that back in a while. */
    remove(id: string): void {
      if (leaving.value.has(id)) return;
      const title = conversations.value.find((one) => one.id === id)?.title || t("chat.untitled");
      const stays = () => (leaving.value = new Set([...leaving.value].filter((one) => one !== id)));
      leaving.value = new Set([...leaving.value, id]);
      if (current.value === id) select(null);
      const undo = () => {
        stays();
        select(id);
      };
      offerUndo(t("chat.deleted", { title }), UNDO_MS, undo, () => {
        api.deleteConversation(id).then(
          () => (conversations.value = conversations.value.filter((conversation) => conversation.id !== id)),
          (error: unknown) => {
            stays();
            report(error);
          },
        );
      });
    },

    gotDelta(id: string, delta: Delta): void {
      if (needsFetch(change(id, (chat) => mergeDelta(chat, delta)))) void fetchMessages(id);
    },

    /** One without its content is too long for a frame of the WebSocket. */
    gotMessage(id: string, message: Message): void {
      if (message.content === null) void fetchMessages(id);
      else change(id, (chat) => mergeMessages(chat, [message]));
      if (id === current.value && message.role === "assistant" && isFinalMessage(message)) say(t("chat.done"));
    },
  };
}

export type ChatActions = ReturnType<typeof chatActions>;
