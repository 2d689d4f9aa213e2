import { ApiError, type Api } from "../api";
import {
  isShortOf,
  mergeDelta,
  mergeMessages,
  mergeNewest,
  mergeOlder,
  needsFetch,
  withoutExchange,
  NO_CHAT,
} from "../logic/chat";
import { idsOf } from "../logic/pictures";
import { NEW_SETTINGS } from "../logic/settings";
import { clock } from "../logic/clock";
import { noteLeft } from "../logic/leaving";
import { stillUnsent, type Unsent } from "../logic/outbox";
import { chats, conversations, current, draftKey, drafts, gone, leaving, leavingExchanges, outbox, pictures, settings, stopping } from "../state";
import { t } from "../i18n";
import { hasText, type DeletedConversation, type PushedMessage } from "../frames";
import type { BackendChoice, Conversation, Message, Posted } from "../types";
import { change, select, setDraft, wish } from "./chatState";
import { gotConversations } from "./conversations";
import { together } from "./deltas";
import { offerUndo, report, reportBeside } from "./notices";
import { sender } from "./outbox";
import { gotSessions } from "./sessions";
import { had, missed } from "./unfetched";

const OLDER_AT_ONCE = 10;
const FRAME_MS = 16;
export const UNDO_MS = 8_000;

export function chatActions(api: Api, wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))) {
  const sending = sender(api, wait, fetchMessages);
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

  async function fetchNewest(id: string): Promise<void> {
    const messages: Message[] = [];
    let hasMore = true;
    do {
      const page = await api.messages(id, messages.at(-1)?.id);
      messages.push(...page.data);
      hasMore = page.has_more === true && page.data.length > 0;
    } while (hasMore && isShortOf(chats.value[id] ?? NO_CHAT, messages));
    change(id, (chat) => mergeNewest(chat, messages, hasMore));
    had(id);
    const left = stillUnsent(outbox.value, id, messages);
    if (left.length < outbox.value.length) outbox.value = left;
  }

  /** One GET at a time for a conversation; asked for meanwhile, it runs once more, so that it sees what is newer. */
  async function fetchMessages(id: string): Promise<void> {
    again.add(id);
    if (running.has(id)) return;
    running.add(id);
    try {
      while (again.delete(id)) {
        try {
          await fetchNewest(id);
        } catch (error) {
          if (!again.has(id)) throw error; // it was asked for since: the line came back meanwhile
        }
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        gone.value = id;
        if (current.value === id) select(null);
      }
      missed(id, () => void fetchMessages(id));
      reportBeside(error);
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
      let [at, older]: [number, string | null] = [0, before];
      do {
        if (at > 0) await wait(FRAME_MS); // a few in each frame: somebody who scrolls sees no jerk
        // What is known may have been fetched anew meanwhile: then this page does not join it.
        if (chats.value[id]?.older !== older) return;
        const some = page.data.slice(at, (at += OLDER_AT_ONCE));
        change(id, (chat) => mergeOlder(chat, some, page.has_more === true || at < page.data.length));
        older = chats.value[id]!.older;
      } while (at < page.data.length);
    } catch (error) {
      report(error);
    } finally {
      fetchingOlder.delete(id);
    }
  }

  /** Puts a text into the composer, before what stands there. */
  function rewrite(text: string, key = draftKey.value): void {
    const draft = drafts.value[key] ?? "";
    setDraft(key, [text, draft].filter(Boolean).join("\n"));
  }

  return {
    api,
    fetchMessages,
    fetchOlder,
    ...sending,

    /** Asks what stands in the composer, and empties it. */
    send(content: string): Promise<void> {
      const key = draftKey.value;
      const sent = sending.ask(content, idsOf(pictures.value[key] ?? []));
      pictures.value = { ...pictures.value, [key]: [] };
      setDraft(key, "");
      return sent;
    },

    /** Takes a message that was not sent back into the composer. */
    edit(item: Unsent): void {
      outbox.value = outbox.value.filter((other) => other.key !== item.key);
      if (item.conversationId === null && item.settings) setDraft(NEW_SETTINGS, JSON.stringify(item.settings));
      const key = item.conversationId ?? "new";
      if (item.images) pictures.value = { ...pictures.value, [key]: item.images.map((id) => ({ key: id, name: "", id })) };
      rewrite(item.content, key);
    },

    rewrite,

    /** Who answers in the open conversation from now on. */
    async chooseBackend(backend: BackendChoice): Promise<void> {
      const id = current.value;
      if (!id) return setDraft(NEW_SETTINGS, JSON.stringify({ ...settings.value, backend }));
      wish(id, backend);
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
      return replace(id, () => api.post(id, content, crypto.randomUUID(), question.id, question.images?.map((one) => one.file_id)));
    },

    /** The exchange that a question took the place of; null: it cannot be had. */
    async earlier(question: Message): Promise<Message[] | null> {
      try {
        const [id, before] = [question.conversation_id, question.replaces!];
        // Much may have followed it in its version: newest first, until it is there.
        for (let after: string | undefined; ; ) {
          const { data, has_more } = await api.everyMessage(id, after, before);
          const found = data.filter((one) => one.id.slice(4) === before.slice(4));
          if (found.length > 1 || !has_more) return found.reverse();
          after = data.at(-2)?.id; // a page may end between a question and its answer
        }
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
        noteLeft(sessionStorage, id, clock.now());
        api.deleteConversation(id).then(
          () => (conversations.value = conversations.value.filter((conversation) => conversation.id !== id)),
          (error: unknown) => {
            stays();
            report(error);
          },
        );
      });
    },

    /** A question and its answer, in the same way. */
    removeExchange(question: Message): void {
      const [id, conversation] = [question.id, question.conversation_id];
      if (leavingExchanges.value.has(id)) return;
      const stays = () => (leavingExchanges.value = new Set([...leavingExchanges.value].filter((one) => one !== id)));
      leavingExchanges.value = new Set([...leavingExchanges.value, id]);
      offerUndo(t("chat.exchange.deleted"), UNDO_MS, stays, () => {
        api.deleteExchange(conversation, id).then(
          () => {
            change(conversation, (chat) => withoutExchange(chat, id));
            void api.conversation(conversation).then((named) => gotConversations([named]), () => undefined); // it may be called otherwise now
          },
          (error: unknown) => {
            stays();
            report(error);
          },
        );
      });
    },

    gotDeleted(id: string, messageId: string): void {
      change(id, (chat) => withoutExchange(chat, messageId));
    },

    /** What became of a conversation, here or in another tab. */
    gotConversation(got: Conversation | DeletedConversation): void {
      if (got.object === "conversation") {
        // One that has no title yet keeps what this tab calls it.
        const known = conversations.value.find(({ id }) => id === got.id)?.title;
        gotConversations([{ ...got, title: got.title || known || "" }]);
        return;
      }
      conversations.value = conversations.value.filter(({ id }) => id !== got.id);
      if (current.value === got.id) select(null);
    },

    gotDelta: together((id, deltas) => {
      if (needsFetch(change(id, (chat) => deltas.reduce(mergeDelta, chat)))) void fetchMessages(id);
    }),

    /** One without its content is too long for a frame of the WebSocket. */
    gotMessage(id: string, message: PushedMessage): void {
      if (hasText(message)) change(id, (chat) => mergeMessages(chat, [message]));
      else void fetchMessages(id);
    },
  };
}

export type ChatActions = ReturnType<typeof chatActions>;
