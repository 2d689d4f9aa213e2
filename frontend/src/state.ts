/** What the page shows. Only the files in actions/ write here. */
import { computed, signal } from "@preact/signals";
import type { Picture } from "./logic/pictures";
import type { Person } from "./auth";
import type { LiveState } from "./live";
import { isWaiting, NO_CHAT, type Chat } from "./logic/chat";
import { clock } from "./logic/clock";
import { isLastKnown, lineOf } from "./logic/line";
import { inOrder, unmade, type Trace, type Unsent } from "./logic/outbox";
import type { BatchDraft } from "./logic/batchDraft";
import { NEW_SETTINGS, readSettings, settingsOf } from "./logic/settings";
import { liveSession, power } from "./logic/sessions";
import { isToy } from "./logic/size";
import type { ApiKey, BackendChoice, Batch, Conversation, Erasure, Export, NewApiKey, Session, SessionWork, Usage, UsageReport } from "./types";

/** `undo`: what happened can be taken back while the notice stands; then it is no trouble, but news. */
export interface Notice {
  id: number;
  text: string;
  trace?: Trace | undefined;
  undo?: () => void;
}

/** `left`: signed out here, while the sign-in cannot be reached. */
export const stage = signal<"loading" | "broken" | "out" | "in" | "left">("loading");
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
/** How often somebody has asked to search messages at once. */
export const hurry = signal(0);
/** Conversations are being made a file of: how many are in it. */
export const exporting = signal<{ done: number } | null>(null);
export const current = signal<string | null>(null);
/** While no conversation is open: the chain of what was typed for a new one; null: nothing was. */
export const fresh = signal<string | null>(null);
export const chats = signal<Readonly<Record<string, Chat>>>({});
export const outbox = signal<readonly Unsent[]>([]);
/** When what is shown of a conversation was kept on this device, where the server has not said since what there is. */
export const keptAt = signal<Readonly<Record<string, number>>>({});
/** What could not be fetched the last time, by a name, and how it is asked for again. */
export const unfetched = signal<ReadonlyMap<string, () => void>>(new Map());
/** The conversation that was last found to be gone. */
export const gone = signal<string | null>(null);
/** Whether this device keeps conversations that were open on it. */
export const keepHere = signal(true);
/** Questions that are deleted in a few seconds, unless somebody takes it back: they and their answers are not shown. */
export const leavingExchanges = signal<ReadonlySet<string>>(new Set());
/** Answers that are being stopped, by id. */
export const stopping = signal<ReadonlySet<string>>(new Set());
/** Who is to answer in conversations whose choice is not stored yet, as drafts are kept. */
export const wishes = signal<Readonly<Record<string, BackendChoice>>>({});
export const drafts = signal<Readonly<Record<string, string>>>({});

/** On a narrow page: the list of what there is, and what the GPU does, lie over the rest while they are open. */
export const sideOpen = signal(false);
export const gpuOpen = signal(false);

/** The sheet of what the keyboard does. */
export const shortcutsOpen = signal(false);

/** Which part of the page is shown. */
export const area = signal<"chats" | "batches" | "docs" | "usage" | "keys" | "prefs">("chats");
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
/** The toy model's name, where one stands in for Mistral. */
export const toy = computed(() => models.value.find(isToy));
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
/** Said to screen readers only, the newest last: by ui/Said.tsx alone, which nothing else may compete with. */
export const said = signal<readonly { id: number; text: string }[]>([]);
/** What happened while the tab was hidden, for its title; empty: nothing that somebody wants to be told of. */
export const news = signal("");
/** Answers that were waited for and have just come to their end. */
export const finished = signal<{ conversation: string; count: number } | null>(null);
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

/** What was typed in the open conversation and is not sent. */
export const unsent = computed(() =>
  inOrder(outbox.value).filter((one) => one.conversationId === current.value && (current.value !== null || one.chain === fresh.value)),
);
/** Conversations that are still to be made, each as its first message. */
export const coming = computed(() => unmade(outbox.value));
/** Of the open conversation, what the words that are just coming do not change. */
export const messages = computed(() => {
  const [all, going] = [chat.value.messages, leavingExchanges.value];
  return going.size ? all.filter(({ id }) => !going.has(`msg_${id.slice(4)}`)) : all;
});
export const loaded = computed(() => chat.value.loaded);
export const older = computed(() => chat.value.older);
/** A question of the open conversation is on its way. */
export const busy = computed(() => unsent.value.some((one) => one.state === "sending" || one.state === "resending"));
/** While anything is being answered nothing of the conversation can be replaced. */
export const idle = computed(() => !busy.value && !isWaiting({ messages: messages.value }));

/** Who answers where neither a message nor its conversation says; null: nobody has said yet. */
export const preferredBackend = signal<BackendChoice | null>(null);
/** The deployment sees images in messages. */
export const seesImages = signal(false);
/** The deployment takes documents as sources of answers. */
export const takesDocuments = signal(false);
/** What is to go with the next message of a draft. */
export const pictures = signal<Readonly<Record<string, readonly Picture[]>>>({});
/** The settings of the open conversation are shown. */
export const settingsOpen = signal(false);
/** What the open conversation is set to, or the one that is to be made. */
export const settings = computed(() => {
  const id = current.value;
  return id ? settingsOf(conversations.value.find((one) => one.id === id)) : readSettings(drafts.value[NEW_SETTINGS]);
});

/** Drafts are kept by conversation; `new` is the one that does not exist yet. */
export const draftKey = computed(() => current.value ?? "new");
/** Who answers in the open conversation, where nobody else is asked for. */
export const backend = computed<BackendChoice>(() => {
  return wishes.value[draftKey.value] ?? settings.value.backend ?? preferredBackend.value ?? "auto";
});
export const batch = computed(() => batches.value.find((one) => one.id === batchId.value));
