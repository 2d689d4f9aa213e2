/** The list of conversations: a page at a time, newest first, as a person scrolls. */
import { ApiError, CONVERSATIONS_A_PAGE, type Api } from "../api";
import { conversations, hurry, listing, olderConversations } from "../state";
import type { Conversation } from "../types";
import { report, reportBeside } from "./notices";

/** Those that this device has kept and the server has not named since: they may be gone. */
export const unconfirmed = new Set<string>();

export function gotConversations(got: readonly Conversation[], isConfirmed = true): void {
  if (isConfirmed) for (const { id } of got) unconfirmed.delete(id);
  const byId = new Map([...conversations.value, ...got].map((conversation) => [conversation.id, conversation]));
  const touched = (conversation: Conversation) => conversation.updated_at ?? conversation.created_at;
  conversations.value = [...byId.values()].sort((a, b) => touched(b).localeCompare(touched(a)));
}

export function conversationActions(api: Api) {
  const asked = new Set<string>();

  /** The next page; the first one to begin with. */
  async function more(): Promise<void> {
    const after = olderConversations.value;
    if (after === null || listing.value === "busy") return;
    listing.value = "busy";
    try {
      const got = await api.conversations(CONVERSATIONS_A_PAGE, after || undefined);
      gotConversations(got.data);
      // Older ones come when somebody scrolls there.
      if (!after && unconfirmed.size) conversations.value = conversations.value.filter(({ id }) => !unconfirmed.has(id));
      olderConversations.value = got.has_more ? (got.data.at(-1)?.id ?? null) : null;
      listing.value = "idle";
    } catch (error) {
      listing.value = "failed"; // the person says when to try again
      reportBeside(error);
    }
  }

  return {
    /** The newest ones again: another tab or the command line may have made some. */
    async refresh(): Promise<void> {
      if (olderConversations.value === "") return; // nothing was listed yet
      try {
        gotConversations((await api.conversations(CONVERSATIONS_A_PAGE)).data);
      } catch {
        // What is listed stays.
      }
    },

    more,

    find: api.search,

    /** Messages are searched now, and not after a pause. */
    now: () => void hurry.value++,

    async saved(id: string, shape: "md" | "json"): Promise<void> {
      await (await import("./exports")).exportActions(api).one(id, shape);
    },

    async savedAll(shape: "md" | "json"): Promise<void> {
      await (await import("./exports")).exportActions(api).all(shape);
    },

    /** To the top of the list, or back to its day. */
    async pin(id: string, pinned: boolean): Promise<void> {
      const before = conversations.value.find((one) => one.id === id);
      if (before) gotConversations([{ ...before, pinned }]);
      try {
        gotConversations([await api.changeConversation(id, { pinned })]);
      } catch (error) {
        if (before) gotConversations([before]);
        report(error);
      }
    },

    /** One that an address names and no page has listed yet. */
    async know(id: string): Promise<void> {
      if (asked.has(id) || conversations.value.some((conversation) => conversation.id === id)) return;
      asked.add(id);
      try {
        gotConversations([await api.conversation(id)]);
      } catch (error) {
        asked.delete(id);
        // One that is gone is said where its messages are asked for.
        if (!(error instanceof ApiError && error.status === 404)) reportBeside(error);
      }
    },
  };
}

export type ConversationActions = ReturnType<typeof conversationActions>;
