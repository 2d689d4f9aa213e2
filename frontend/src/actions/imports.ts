/** Conversations of a file: looked at first, then sent one after the other; after a fault it goes on where it was. */
import { signal } from "@preact/signals";
import { ApiError, type Api } from "../api";
import { clock } from "../logic/clock";
import { MOST_FILE_BYTES, readImport, requestsOf, type Importable, type Refused, type Unreadable } from "../logic/imports";
import { gotConversations } from "./conversations";
import { report } from "./notices";

export interface Importing {
  state: "reading" | "unreadable" | "preview" | "sending" | "stopped" | "full" | "done";
  why: Unreadable | null;
  taken: readonly Importable[];
  refused: readonly Refused[];
  /** So many conversations were sent, and so many of them had anything new. */
  done: number;
  fresh: number;
}

export const importing = signal<Importing | null>(null);

const NEW: Importing = { state: "reading", why: null, taken: [], refused: [], done: 0, fresh: 0 };

export function importActions(api: Pick<Api, "importConversation" | "conversations">) {
  async function take(one: Importable): Promise<void> {
    let fresh = 0;
    for (const request of requestsOf(one)) fresh += (await api.importConversation(request)).taken;
    importing.value = { ...importing.value!, fresh: importing.value!.fresh + (fresh ? 1 : 0) };
  }

  return {
    async read(file: File): Promise<void> {
      importing.value = NEW;
      if (file.size > MOST_FILE_BYTES) {
        importing.value = { ...NEW, state: "unreadable", why: "large" };
        return;
      }
      const found = readImport(await file.text(), clock.now());
      importing.value = typeof found === "string" ? { ...NEW, state: "unreadable", why: found } : { ...NEW, ...found, state: "preview" };
    },

    /** From the first one that was not sent yet. What the API refuses is told, and the next one is its turn. */
    async send(): Promise<void> {
      const begun = importing.value;
      if (!begun || !["preview", "stopped", "full"].includes(begun.state)) return;
      importing.value = { ...begun, state: "sending" };
      while (importing.value.done < importing.value.taken.length) {
        const one: Importable = importing.value.taken[importing.value.done]!;
        try {
          await take(one);
        } catch (error) {
          const refusal = error instanceof ApiError && [400, 409, 413].includes(error.status) ? error : null;
          if (error instanceof ApiError && error.code === "imports_full") {
            importing.value = { ...importing.value, state: "full" };
            break; // what did come is listed
          }
          if (!refusal) {
            importing.value = { ...importing.value, state: "stopped" };
            report(error);
            return;
          }
          const why = refusal.code === "conversation_deleted" ? "deleted" : "refused";
          importing.value = { ...importing.value, refused: [...importing.value.refused, { title: one.title, why }] };
        }
        importing.value = { ...importing.value, done: importing.value.done + 1 };
      }
      if (importing.value.state === "sending") importing.value = { ...importing.value, state: "done" };
      await api.conversations(50).then(({ data }) => gotConversations(data), () => undefined);
    },

    forget: () => (importing.value = null),
  };
}

export type ImportActions = ReturnType<typeof importActions>;
