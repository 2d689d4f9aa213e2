/** What a conversation has of its own: where a message does not say, its answers are made by these. Pure. */
import type { BackendChoice, Conversation } from "../types";

/** Empty and null: none of its own. */
export interface Settings {
  system: string;
  temperature: number | null;
  max_tokens: number | null;
  backend: BackendChoice | null;
  /** false: its answers know nothing of what is remembered. */
  memories: false | null;
  /** false: its answers are given nothing of its person's documents. */
  documents: false | null;
}

/** Where those of the conversation that does not exist yet are kept: beside its draft, and as that. */
export const NEW_SETTINGS = "new.settings";

export function settingsOf(one: Partial<Conversation> | undefined): Settings {
  return {
    system: one?.system ?? "",
    temperature: one?.temperature ?? null,
    max_tokens: one?.max_tokens ?? null,
    backend: one?.backend ?? null,
    memories: one?.memories === false ? false : null,
    documents: one?.documents === false ? false : null,
  };
}

/** What was kept of them as a text. */
export function readSettings(text: string | undefined): Settings {
  try {
    return settingsOf(JSON.parse(text || "{}") as Partial<Conversation>);
  } catch {
    return settingsOf(undefined);
  }
}

/** Those that are there: what is sent with a new conversation. */
export function named(settings: Settings): Partial<Settings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== ""));
}
