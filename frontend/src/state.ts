/** What the page shows. Only the files in actions/ write here. */
import { computed, signal } from "@preact/signals";
import type { Person } from "./auth";
import type { LiveState } from "./live";
import { NO_CHAT, type Chat } from "./logic/chat";
import { clock } from "./logic/clock";
import { isLastKnown, lineOf } from "./logic/line";
import type { Unsent } from "./logic/outbox";
import type { BatchDraft } from "./logic/batchDraft";
import { liveSession, power } from "./logic/sessions";
import type { ApiKey, BackendChoice, Batch, Conversation, Erasure, Export, NewApiKey, Session, SessionWork, Usage, UsageReport } from "./types";

/** `undo`: what happened can be taken back while the notice stands; then it is no trouble, but news. */
export interface Notice {
  id: number;
  text: string;
  undo?: () => void;
}

export const stage = signal<"loading" | "broken" | "out" | "in">("loading");
export const broken = signal("");
export const person = signal<Person | null>(null);
export const expired = signal(false);

export const sessions = signal<readonly Session[]>([]);
/** False until the server has said once whether a GPU is on. */
export const sessionsKnown = signal(false);
/** The month's cost and caps; null while nobody has said. */
export const usage = signal<Usage | null>(null);
export const starting = signal(false);
export const ending = signal(false);
/** What is in work, while somebody is asked whether the GPU is to be switched off all the same. */
export const endingWork = signal<SessionWork | null>(null);

export const conversations = signal<readonly Conversation[]>([]);
/** Conversations that are deleted in a few seconds, unless somebody takes it back: they are not shown. */
export const leaving = signal<ReadonlySet<string>>(new Set());
/** The listed conversation behind which there may be older ones; an empty string: nothing was listed yet; null: no more. */
export const olderConversations = signal<string | null>("");
/** Older ones are being asked for; `failed`: the last time nobody answered. */
export const listing = signal<"idle" | "busy" | "failed">("idle");
/** The words that conversations are searched for. */
export const sought = signal("");
export const current = signal<string | null>(null);
export const chats = signal<Readonly<Record<string, Chat>>>({});
export const outbox = signal<readonly Unsent[]>([]);
/** Answers that are being stopped, by id. */
export const stopping = signal<ReadonlySet<string>>(new Set());
/** Who is to answer in conversations whose choice is not stored yet, as drafts are kept. */
export const wishes = signal<Readonly<Record<string, BackendChoice>>>({});
export const drafts = signal<Readonly<Record<string, string>>>({});

/** On a narrow page: the list of what there is, and what the GPU does, lie over the rest while they are open. */
export const sideOpen = signal(false);
export const gpuOpen = signal(false);

/** Which part of the page is shown. */
export const area = signal<"chats" | "batches" | "usage" | "keys">("chats");
/** The batch that is open; null: a new one. */
export const batchId = signal<string | null>(null);
export const batches = signal<readonly Batch[]>([]);
/** False until the server has listed them once. */
export const batchesKnown = signal(false);
export const moreBatches = signal(false);
/** What is shown of the open batch could not be asked for the last time. */
export const batchStale = signal(false);
export const cancelling = signal<string | null>(null);
export const batchDraft = signal<BatchDraft | null>(null);
/** The names that the API serves; empty: nobody has said yet. */
export const models = signal<readonly string[]>([]);
/** How many tokens a conversation may have, answer included; null: nobody has said yet. */
export const contextTokens = signal<number | null>(null);
/** Bytes received of what is being downloaded, by file id. */
export const downloads = signal<Readonly<Record<string, number>>>({});

/** What was used this month; null: nobody has asked, or nobody has answered. */
export const report = signal<UsageReport | null>(null);
export const usageBusy = signal(false);

export const keys = signal<readonly ApiKey[]>([]);
/** False until the server has listed them once. */
export const keysKnown = signal(false);
/** The key that was just made, while it is shown: it is kept nowhere else. */
export const newKey = signal<NewApiKey | null>(null);
export const creatingKey = signal(false);
export const revokingKey = signal<string | null>(null);

/** The export that was asked for here. */
export const myExport = signal<Export | null>(null);
export const deletingAccount = signal(false);
/** The deletion of everything, once it has begun: nothing else can be done here then. */
export const erasure = signal<Erasure | null>(null);

export const connection = signal<LiveState>("connecting");
/** The device says that it has a network. */
export const online = signal(true);
/** The newest request was answered, whatever the answer was. */
export const answered = signal(true);
/** The server's time when anything last came from it. */
export const heardAt = signal(clock.now());
export const notices = signal<readonly Notice[]>([]);
/** Said to screen readers only. */
export const spoken = signal("");
/** The server's time, once a second. */
export const now = signal(clock.now());

const quietMs = computed(() => Math.max(0, now.value - heardAt.value));
export const line = computed(() =>
  lineOf({ online: online.value, socket: connection.value, answered: answered.value, quietMs: quietMs.value }),
);
/** What is shown is as of `heardAt`. */
export const lastKnown = computed(() => isLastKnown(line.value, quietMs.value));

/** Changes with the minute: what depends on the day alone is not drawn anew each second. */
export const today = computed(() => Math.floor(now.value / 60_000) * 60_000);

export const live = computed(() => liveSession(sessions.value));
export const latest = computed(() => live.value ?? sessions.value[0]);
export const gpu = computed(() => power(live.value));
export const chat = computed<Chat>(() => (current.value ? (chats.value[current.value] ?? NO_CHAT) : NO_CHAT));

/** Drafts are kept by conversation; `new` is the one that does not exist yet. */
export const draftKey = computed(() => current.value ?? "new");
/** Who answers in the open conversation, where nobody else is asked for. */
export const backend = computed<BackendChoice>(() => {
  const open = conversations.value.find((one) => one.id === current.value);
  return wishes.value[draftKey.value] ?? open?.backend ?? "auto";
});
export const batch = computed(() => batches.value.find((one) => one.id === batchId.value));
