/** What a person wants remembered: listed, kept, changed, forgotten with a way back. */
import { ApiError, type Api } from "../api";
import { t } from "../i18n";
import { leavingMemories, memories, offered } from "../remembered";
import type { Memory, MemoryChange, MemoryCreate, MemoryList } from "../types";
import { UNDO_MS } from "./chats";
import { explain, offerUndo, report } from "./notices";
import { fetching } from "./unfetched";

export const MEMORIES = "memories"; // as actions/unfetched.ts knows them
let newest = 0;

export function memoryActions({ call }: Pick<Api, "call">) {
  const of = (id: string) => `/memories/${encodeURIComponent(id)}`;
  /** What each takes, and whether it is read, hangs on the others: the list is asked for anew. The newest answer counts. */
  async function fetchAll(): Promise<void> {
    const mine = ++newest;
    const found = await call<MemoryList>("GET", "/memories");
    if (mine === newest) memories.value = found;
  }
  /** What went wrong, in words for people; null: nothing did. */
  async function told(ask: () => Promise<unknown>): Promise<string | null> {
    try {
      await ask();
    } catch (error) {
      return explain(error);
    }
    await refresh();
    return null;
  }
  const refresh = () => fetching(MEMORIES, fetchAll);

  return {
    refresh,
    /** `key`: the same for each try of one. */
    keep: (wish: MemoryCreate, key: string) => told(() => call<Memory>("POST", "/memories", { body: wish, key })),
    change: (id: string, change: MemoryChange) => told(() => call<Memory>("PATCH", of(id), { body: change })),

    /** It is out of the list at once, and forgotten when nobody has taken that back in a while. */
    forget({ id, text }: Memory): void {
      if (leavingMemories.value.has(id)) return;
      leavingMemories.value = new Set([...leavingMemories.value, id]);
      const stays = () => (leavingMemories.value = new Set([...leavingMemories.value].filter((one) => one !== id)));
      offerUndo(t("memories.deleted", { text }), UNDO_MS, stays, () => {
        call<unknown>("DELETE", of(id), { keepalive: true })
          .catch((error: unknown) => {
            if (!(error instanceof ApiError && error.status === 404)) report(error);
          })
          .then(refresh)
          .finally(stays);
      });
    },

    /** The offer to remember what a question says is over. */
    decline(question: string): void {
      offered.value = new Set([...offered.value, question]);
    },
  };
}

export type MemoryActions = ReturnType<typeof memoryActions>;
