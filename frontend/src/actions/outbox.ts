/** Sends what was typed: each once, in order, by one tab. The rest waits for the line. */
import { ApiError, type Api } from "../api";
import { alone } from "../logic/alone";
import { backoffMs } from "../logic/backoff";
import { mergeMessages } from "../logic/chat";
import { clock } from "../logic/clock";
import { named, NEW_SETTINGS } from "../logic/settings";
import { afterThat, chainOf, KEY_KEPT_MS, nextOf, stillUnsent, titleFrom, type Unsent } from "../logic/outbox";
import { chat, conversations, current, fresh, online, outbox, settings } from "../state";
import type { Message } from "../types";
import { change, madeOf, select, setDraft } from "./chatState";
import { gotConversations } from "./conversations";
import { explain, report, traceOf } from "./notices";
import { gotSessions } from "./sessions";
import { isGone } from "./typed";

const TRIES = 4;
const PAGES = 20; // of messages, in which one that left long ago is looked for

function put(item: Unsent): Unsent {
  outbox.value = outbox.value.map((other) => (other.key === item.key ? item : other));
  return item;
}

const isThere = (item: Unsent) => outbox.value.some((one) => one.key === item.key);

/** `fetch`: the messages of a conversation, to which another tab has sent something. */
export function sender(api: Api, wait: (ms: number) => Promise<void>, fetch: (id: string) => Promise<void>) {
  /** Whether the server has it, though nobody heard that, and it was too long ago for its key to say so. */
  async function arrivedLongAgo(item: Unsent): Promise<boolean> {
    const id = item.conversationId;
    if (id === null || item.triedAt === undefined || clock.now() - item.triedAt < KEY_KEPT_MS) return false;
    const found: Message[] = [];
    for (let pages = 0; pages < PAGES; pages++) {
      const page = await api.messages(id, found.at(-1)?.id);
      found.push(...page.data);
      if (!page.has_more || page.data.length === 0 || found.at(-1)!.id.slice(4) <= (item.after ?? "")) break;
    }
    if (stillUnsent([item], id, found).length > 0) return false;
    outbox.value = stillUnsent(outbox.value, id, found);
    return true;
  }

  async function make(item: Unsent): Promise<Unsent> {
    const made = await api.createConversation(item.settings ?? {}, item.key);
    // The model gives it a title later; until then the server too calls it by its first words.
    gotConversations([{ ...made, title: titleFrom(item.content) }]);
    change(made.id, (known) => ({ ...known, loaded: true }));
    outbox.value = outbox.value.map((one) =>
      one.chain === item.chain && one.conversationId === null ? { ...one, conversationId: made.id } : one,
    );
    madeOf(item.chain, made.id);
    return { ...item, conversationId: made.id };
  }

  async function post(item: Unsent): Promise<void> {
    const id = item.conversationId!;
    const posted = await api.post(id, item.content, item.key, undefined, item.images);
    change(id, (known) => mergeMessages(known, [posted.message, posted.answer]));
    outbox.value = afterThat(outbox.value.filter((other) => other.key !== item.key), posted.message);
    gotConversations(conversations.value.flatMap((c) => (c.id === id ? [{ ...c, updated_at: posted.message.created_at }] : [])));
    if (posted.session) gotSessions([posted.session]);
  }

  const latest = (item: Unsent) => outbox.value.find((one) => one.key === item.key) ?? item;

  /** It was not taken. False: nobody is there to take the next one either. */
  function failed(start: Unsent, error: unknown): boolean {
    const item = latest(start);
    const status = error instanceof ApiError ? error.status : 0;
    if (error instanceof ApiError && (error.code === "no_connection" || error.code === "signed_out")) {
      outbox.value = outbox.value.map((one) =>
        one.chain === item.chain && one.state !== "failed" ? { ...one, state: "waiting" as const } : one,
      );
      if (error.code === "signed_out") report(error);
      return false;
    }
    if (status === 404 && item.conversationId !== null) {
      // The conversation was deleted elsewhere: what was written stays, for a new one.
      const chain = crypto.randomUUID();
      const { triedAt: _, ...rest } = item;
      const anew: Unsent = { ...rest, key: crypto.randomUUID(), chain, conversationId: null, after: "", state: "failed", error: explain(error), trace: traceOf(error) };
      outbox.value = outbox.value.map((other) => (other.key === item.key ? anew : other));
      if (current.value === item.conversationId) select(null, chain);
      return true;
    }
    put({ ...item, state: "failed", error: explain(error), trace: traceOf(error), refused: status === 400 || status === 413 });
    return true;
  }

  async function deliver(start: Unsent): Promise<boolean> {
    if (!online.value) return failed(start, new ApiError(0, "", "no_connection")); // without a network nothing is tried
    if (!isThere(start)) return true; // it was taken back
    let item = start;
    for (let attempt = 0; ; attempt++) {
      try {
        if (await arrivedLongAgo(item)) return true;
        if (item.conversationId === null) item = await make(item);
        item = put({ ...latest(item), triedAt: item.triedAt ?? clock.now() });
        await post(item);
        return true;
      } catch (error) {
        if (!(error instanceof ApiError && error.passing && attempt + 1 < TRIES)) return failed(item, error);
        item = put({ ...latest(item), state: "resending" });
        await wait(Math.max(backoffMs(attempt), 1000 * (error.retryAfter ?? 0)));
      }
    }
  }

  /** `left`: by a tab that was closed on its way; what waits for the line is not tried again. */
  function flush(chain: string, left = false): Promise<void> {
    return alone(`foreverus.send.${chain}`, async () => {
      for (;;) {
        const item = nextOf(outbox.value, chain);
        if (!item || (left && item.state === "waiting")) return;
        if (isGone(item.key)) {
          outbox.value = outbox.value.filter((one) => one.key !== item.key);
          if (item.conversationId && item.conversationId === current.value) void fetch(item.conversationId);
          continue;
        }
        if (item.state === "waiting") put({ ...item, state: "sending" });
        if (!(await deliver(item))) return;
      }
    });
  }

  return {
    flush,

    /** A new question in the open conversation; what is being written in the composer stays. */
    ask(content: string, images: readonly string[] = []): Promise<void> {
      const conversationId = current.value;
      const chain = chainOf(outbox.value, conversationId, fresh.value ?? crypto.randomUUID());
      const item: Unsent = {
        key: crypto.randomUUID(),
        conversationId,
        chain,
        content,
        ...(images.length > 0 && { images }),
        at: clock.now(),
        after: chat.value.messages.at(-1)?.id.slice(4) ?? "",
        state: "sending",
        ...(conversationId === null ? { settings: outbox.value.find((one) => one.chain === chain)?.settings ?? named(settings.value) } : {}),
      };
      outbox.value = [...outbox.value, item];
      if (conversationId === null) {
        setDraft(NEW_SETTINGS, "");
        select(null, chain);
      }
      return flush(chain);
    },

    resend(item: Unsent): Promise<void> {
      const { error: _, refused: __, trace: ___, ...rest } = item;
      put({ ...rest, state: "sending" });
      return flush(item.chain);
    },

    /** The line is back: what waited for it goes, oldest first, each once. */
    async sendWaiting(): Promise<void> {
      const chains = new Set(outbox.value.filter((one) => one.state !== "failed").map((one) => one.chain));
      await Promise.all([...chains].map((chain) => flush(chain)));
    },
  };
}
