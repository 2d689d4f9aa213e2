/** A person's own library of system prompts, and what a conversation is set to. */
import { ApiError, type Api } from "../api";
import { named, NEW_SETTINGS, type Settings } from "../logic/settings";
import { changesOf } from "../logic/settingsForm";
import { leavingPrompts, prompts, promptsKnown } from "../personal";
import type { Prompt } from "../types";
import { setDraft } from "./chatState";
import { gotConversations } from "./conversations";
import { explain } from "./notices";

export const UNDO_MS = 8_000;

/** Of each prompt that is leaving: what ends its time, in which it may stay, and what deletes it. */
const open = new Map<string, { forget: () => void; end: () => void }>();

function put(prompt: Prompt): void {
  const others = prompts.value.filter((one) => one.id !== prompt.id);
  prompts.value = [prompt, ...others].sort((a, b) => b.id.localeCompare(a.id));
}

function stays(id: string): void {
  leavingPrompts.value = new Set([...leavingPrompts.value].filter((one) => one !== id));
}

/** Each answers what went wrong, in words for people; null: nothing did. They are said in the dialogue, where the page's
 * notices cannot be reached. */
export function promptActions(api: Api) {
  async function told(ask: () => Promise<unknown>): Promise<string | null> {
    try {
      await ask();
      return null;
    } catch (error) {
      return explain(error);
    }
  }

  return {
    refresh: () =>
      told(async () => {
        prompts.value = await api.prompts();
        promptsKnown.value = true;
      }),

    /** `key`: the same for each try of one. */
    save: (name: string, text: string, key: string) => told(async () => put(await api.createPrompt({ name, text }, key))),

    change: (id: string, change: { name?: string; text?: string }) => told(async () => put(await api.changePrompt(id, change))),

    /** It is out of the list at once, and gone for good when nobody has taken that back in a while. */
    remove(id: string, failed: (text: string) => void): void {
      if (leavingPrompts.value.has(id)) return;
      leavingPrompts.value = new Set([...leavingPrompts.value, id]);
      const forget = () => {
        clearTimeout(timer);
        window.removeEventListener("pagehide", end);
        open.delete(id);
      };
      const end = () => {
        forget();
        api.deletePrompt(id).then(
          () => (prompts.value = prompts.value.filter((one) => one.id !== id)),
          (error: unknown) => {
            if (error instanceof ApiError && error.status === 404) prompts.value = prompts.value.filter((one) => one.id !== id);
            else failed(explain(error));
          },
        ).finally(() => stays(id));
      };
      const timer = setTimeout(end, UNDO_MS);
      window.addEventListener("pagehide", end);
      open.set(id, { forget, end });
    },

    undo(id: string): void {
      open.get(id)?.forget();
      stays(id);
    },

    /** The dialogue is closed, and nothing can be taken back any more. */
    settle(): void {
      for (const { end } of [...open.values()]) end();
    },

    /** What `conversation` (null: the one that does not exist yet) is set to from now on. */
    set: (conversation: string | null, before: Settings, after: Settings) =>
      told(async () => {
        if (conversation === null) {
          const some = named(after);
          setDraft(NEW_SETTINGS, Object.keys(some).length ? JSON.stringify(some) : "");
          return;
        }
        const changes = changesOf(before, after);
        if (Object.keys(changes).length) gotConversations([await api.changeConversation(conversation, changes)]);
      }),
  };
}

export type PromptActions = ReturnType<typeof promptActions>;
