/** What is a person's own: their names, notes, data, imports, what they look for; and what is asked before it is done. */
import { t } from "../src/i18n";
import * as state from "../src/state";
import { importing, type Importing } from "../src/actions/imports";
import { said, type Said } from "../src/actions/textSearch";
import { NO_CHAT } from "../src/logic/chat";
import { leavingPrompts, me, prompts } from "../src/personal";
import { memories } from "../src/remembered";
import type { Conversation, Erasure, Export, Me, MemoryList, Message, Session, SessionWork } from "../src/types";
import { ChatView } from "../src/ui/ChatView";
import { Conversations } from "../src/ui/Conversations";
import FirstVisit from "../src/ui/FirstVisit";
import IdleWhy from "../src/ui/IdleWhy";
import Imports from "../src/ui/Imports";
import KeysView from "../src/ui/KeysView";
import { Memories } from "../src/ui/Memories";
import { MyData } from "../src/ui/MyData";
import { OnDevice } from "../src/ui/OnDevice";
import Pictures from "../src/ui/Pictures";
import { PoolOrder } from "../src/ui/PoolOrder";
import { PowerStrip } from "../src/ui/PowerStrip";
import Settings from "../src/ui/Settings";
import ShownPictures from "../src/ui/ShownPictures";
import { SignOut } from "../src/ui/SignOut";
import { AT, conversation, key, message, session } from "../test/made";
import { after, of, PAGE, pressing, QUOTE, quoted, silent, then, writing, type Stories, type Story } from "./kit";

const QUESTION = message({ content: "Why is the sky blue?", status: "accepted" });
const ANSWER = message({ id: "ans_1", role: "assistant", in_reply_to: "msg_1", status: "answered", content: "Air scatters blue light." } as Partial<Message>);
const EARLIER = [{ ...QUESTION, id: "msg_0", content: "Why is it blue?" }, { ...ANSWER, id: "ans_0", content: "What is?" }];

function talk(question: Message, does?: Story["does"]): Story {
  return {
    set() {
      state.current.value = "con_1";
      state.conversations.value = [conversation({ title: "The sky" })];
      state.chats.value = { con_1: { ...NO_CHAT, loaded: true, messages: [question, ANSWER] } };
    },
    show: () => <ChatView actions={ASKED as never} lists={silent as never} quotes={silent as never} />,
    ...(does && { does }),
  };
}
const ASKED = new Proxy({}, { get: (_, name) => (name === "api" ? REMEMBERING : () => Promise.resolve(name === "earlier" ? EARLIER : null)) });

const DRAWN = new Blob(['<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80"><rect width="120" height="80" fill="teal"/></svg>'], { type: "image/svg+xml" });
const KEPT = { object: "memory" as const, enabled: true, in_use: true, tokens: 12, conversation: null, created_at: AT, updated_at: AT };
const MEMORIES: MemoryList = {
  ...{ object: "list", has_more: false, budget_tokens: 500, used_tokens: 12 },
  data: [
    { ...KEPT, id: "memory_2", text: "I am away until May.", enabled: false, in_use: false, conversation: { id: "con_1", title: "The sky" } },
    { ...KEPT, id: "memory_1", text: "I teach chemistry in Salvador." },
  ],
};
const SOMEBODY: Me = {
  ...{ object: "person", id: "user", backend: null, language: null, theme: null, default_backend: "auto", sounds: false },
  ...{ has_voice: false, sees_images: false, reads_aloud: false, sends_spoken: false, suggest_memories: false, hears: null },
  ...{ voice_pt: null, voice_en: null, speed_pt: null, speed_en: null },
};
const REMEMBERING = { call: () => Promise.resolve(MEMORIES), image: () => Promise.resolve(DRAWN) };

const TELLING = talk({ ...QUESTION, content: "Why is the sky blue here? I live in Salvador." });

const PROMPT = { id: "prm_1", object: "prompt" as const, name: "Physics, patiently", text: "Explain like a patient teacher.", created_at: AT, updated_at: AT };
const LIBRARY = { ...PAGE, api: new Proxy({}, { get: (_, name) => () => Promise.resolve(name === "prompts" ? [PROMPT] : null) }) };

function library(does: NonNullable<Story["does"]>, leaving: readonly string[] = []): Story {
  return {
    set() {
      prompts.value = [PROMPT];
      leavingPrompts.value = new Set(leaving);
      state.settingsOpen.value = true;
    },
    show: () => <Settings page={LIBRARY as never} />,
    does,
  };
}

function taken(found: Partial<Export> | null, gone: Partial<Erasure> | null = null, does?: Story["does"]): Story {
  return {
    set() {
      state.myExport.value = found && ({ id: "exp_1", object: "export", status: "running", created_at: AT, expires_at: after(604_800), ...found } as Export);
      state.erasure.value = gone as Erasure | null;
    },
    show: () => <MyData actions={silent as never} />,
    ...(does && { does }),
  };
}
const GONE = { id: "era_7Q2", object: "erasure", status: "in_progress", requested_at: AT, erases: [], kept: ["logs", "queues", "Aurora backups"].map((where, n) => ({ where, what: "", days: 14 + n })) } as const;

const exchanges = [{}, {}] as never;
const IMPORTED = { source: "chatgpt" as const, source_id: "1", title: "Essay", created_at: AT, exchanges };
const REFUSED = (["shape", "empty", "long", "many", "deleted", "refused"] as const).map((why) => ({ title: why === "shape" ? "" : "Notes", why }));
const FOUND: Importing = { state: "preview", why: null, taken: [IMPORTED, { ...IMPORTED, source_id: "2" }], refused: [], done: 0, fresh: 0 };

function brought(found: Partial<Importing> | null, making = false): Story {
  return {
    set() {
      importing.value = found && { ...FOUND, ...found };
      state.exporting.value = making ? { done: 40 } : null;
    },
    show: () => <Imports actions={silent as never} lists={silent as never} />,
  };
}

const hit = (id: string, more: object, title = false): Conversation =>
  conversation({
    ...{ id, title: "Light" },
    match: {
      title: title ? [{ text: "Light", marked: true }, { text: " and air", marked: false }] : null,
      message: { id: "msg_9", role: "user", earlier: false, snippet: [{ text: "why is ", marked: false }, { text: "light", marked: true }, { text: " scattered by air", marked: false }], ...more },
    },
  } as Partial<Conversation>);

function search(found: Partial<Said>, older: string | null = null): Story {
  return {
    set() {
      state.sought.value = "light";
      state.olderConversations.value = older;
      state.conversations.value = [conversation({ id: "con_2", title: "Light" })];
      said.value = { words: "light", hits: [], state: "idle", why: null, more: false, ...found };
    },
    show: () => of(Conversations),
  };
}

const WORK: SessionWork = {
  ...{ object: "session.work", session_id: "ses_1", other_sessions: 0, messages: { yours: 2, of_others: 3 } },
  batches: [
    { id: "batch_1", owner: "you", lines: 360, lines_left: 148, goes_on: false },
    { id: null, owner: "somebody_else", lines: 60, lines_left: 12, goes_on: true },
  ],
};
function working(work: SessionWork): Story {
  return {
    set() {
      state.sessionsKnown.value = true;
      state.sessions.value = [session({ status: "serving", launched_at: after(60), healthy_at: after(300) })];
      state.endingWork.value = work;
    },
    show: () => of(PowerStrip),
  };
}

const IDLE = { pauses: 14, shorter: 9, restart_seconds: 340, bedrock_usd_per_hour: 0.02, gpu_usd_per_hour: 0.42 };
const idle = (reason: NonNullable<Session["idle"]>["reason"]): Story => ({
  show: () => <IdleWhy idle={{ seconds: 600, reason, text: "", numbers: IDLE }} />,
});
const POOL = { instance_type: "g6.xlarge", availability_zone: "us-east-1a", usd_per_hour: 0.4, hours: 31.5, interruptions: 1, chance: 0.1, usd: 0.43 };

const unsent = (n: number): Story => ({
  set: () => (state.outbox.value = Array.from({ length: n }, (_, i) => ({ key: `${i}`, conversationId: "con_1", chain: "con_1", content: "And?", at: 0, state: "waiting" }))),
  show: () => (
    <header class="top">
      <SignOut auth={silent as never} />
    </header>
  ),
});

const first = (gpu: "off" | "on" | "moving", quotes = quoted(QUOTE)): Story => ({
  set() {
    state.models.value = ["mistral-7b", "mistral-7b@bedrock"];
    state.sessionsKnown.value = true;
    const status = gpu === "on" ? "serving" : "requested";
    if (gpu !== "off") state.sessions.value = [session({ status, ...(gpu === "on" && { launched_at: after(60), healthy_at: after(300) }) })];
  },
  show: () => <FirstVisit quotes={quotes} />,
});

const keyed = (changes: object, does?: Story["does"]): Story => ({
  set() {
    state.keysKnown.value = true;
    state.keys.value = [key(changes)];
  },
  show: () => of(KeysView),
  ...(does && { does }),
});

const IMAGES = [1, 2].map((n) => ({ file_id: `file_${n}`, type: "png" as const, width: 120, height: 80 }));
const SEEN = { image: () => Promise.resolve(DRAWN) };
const GONE_IMAGE = { image: () => Promise.reject(new Error("404")) };
const CHOSEN = [
  { key: "a", name: "quadro.jpg", id: "file_1", url: URL.createObjectURL(DRAWN) },
  { key: "b", name: "caderno.png", url: URL.createObjectURL(DRAWN) },
  { key: "c", name: "tarefa.png", trouble: "The file is no image: PNG, JPEG, WebP and GIF are taken." },
];

export const PERSON: Stories = {
  "conversation: renamed": talk(QUESTION, pressing("#rename")),
  "conversation: taken out": { ...talk(QUESTION, pressing(".export summary")), set: () => (talk(QUESTION).set!(), (state.chats.value = { con_1: { ...NO_CHAT, loaded: true } })) },
  "question: edited": talk(QUESTION, pressing("#edit-msg_1")),
  "question: its version before": talk({ ...QUESTION, replaces: "msg_0", version: 2 } as Message, pressing(".pager button")),
  "question: remembered": { ...talk(QUESTION, pressing(".asked .tools button:first-child")) },
  "question: asks to be remembered": { ...talk({ ...QUESTION, content: "Remember that I teach chemistry." }), does: async (find) => void (await find(".asked [role=group]")) },
  "question: says something about its person": {
    ...TELLING,
    set: () => (TELLING.set!(), (me.value = { ...SOMEBODY, suggest_memories: true })),
    does: async (find) => void (await find(".asked [role=group]")),
  },
  "question: shows images": talk({ ...QUESTION, images: IMAGES } as Message),
  "question: an image is opened": { show: () => <ShownPictures images={IMAGES} api={SEEN as never} />, does: pressing(".picture:not(:disabled)") },
  "question: an image is gone": { show: () => <ShownPictures images={[{ ...IMAGES[0]!, file_id: "file_gone" }]} api={GONE_IMAGE as never} /> },
  "images: chosen, on the way and refused": {
    set: () => (state.pictures.value = { new: CHOSEN }),
    show: () => <section class="chat"><div class="composer"><Pictures api={silent as never} /></div></section>,
  },
  "memories: offered, too": {
    set: () => ((memories.value = MEMORIES), (me.value = { ...SOMEBODY, suggest_memories: true })),
    show: () => <Memories api={REMEMBERING as never} />,
  },
  "memories: one is edited": {
    set: () => (memories.value = MEMORIES),
    show: () => <Memories api={REMEMBERING as never} />,
    does: pressing(".prompt-row button"),
  },
  "prompts: one is renamed": library(pressing(".prompt-row button")),
  "prompts: one was deleted": library(async (find) => void (await find(".prompt-row button")), ["prm_1"]),
  "prompts: written over": library(
    then(async (find) => {
      const choice = (await find("select option[value=prm_1]")).closest("select")!;
      choice.value = "prm_1";
      choice.dispatchEvent(new Event("change", { bubbles: true }));
    }, writing("#settings-system", "Explain briefly.")),
  ),
  "keys: expired, may make more": keyed({ expires_at: after(-60), can_create_keys: true, last_used_at: after(-600) }),
  "keys: really revoked?": keyed({}, pressing("#revoke-key_1")),
  "my data: nothing asked for": taken(null),
  "my data: being gathered": taken({}),
  "my data: ready": taken({ status: "ready", bytes: 1_200_000, url: "#" }),
  "my data: failed": taken({ status: "failed" }),
  "my data: to be deleted": taken(null, null, pressing("#delete-everything")),
  "my data: really deleted?": taken(null, null, then(pressing("#delete-everything"), async (find) => writing(".key-form input", t("mydata.delete.words"))(find))),
  "my data: gone": taken(null, GONE as never),
  "imports: none": brought(null),
  "imports: being read": brought({ state: "reading" }),
  ...Object.fromEntries((["large", "not_json", "newer", "unknown"] as const).map((why) => [`imports: ${why}`, brought({ state: "unreadable", why })])),
  "imports: looked at": brought({ refused: REFUSED }),
  "imports: on their way": brought({ state: "sending", done: 1 }),
  "imports: stopped": brought({ state: "stopped", done: 1 }),
  "imports: no more room": brought({ state: "full", done: 1 }),
  "imports: done": brought({ state: "done", done: 2, fresh: 1 }),
  "exports: of all": brought(null, true),
  "device: what it keeps": { show: () => <OnDevice /> },
  "search: busy": search({ state: "busy" }, "con_1"),
  "search: hits": search({ hits: [hit("con_1", {}), hit("con_2", { role: "assistant", earlier: true }, true)], more: true }, "con_1"),
  "search: nothing": search({}),
  "search: failed": search({ state: "failed" }, "con_1"),
  "search: titles alone": search({ why: "no_database" }),
  "search: a database that wakes": search({ why: "database_waking" }),
  "search: a database that is silent": search({ why: "database_unavailable" }),
  "strip: its work is waiting": working(WORK),
  "strip: one's own batch is waiting": working({ ...WORK, messages: { yours: 0, of_others: 0 }, batches: WORK.batches.slice(0, 1) }),
  "idle: nobody has asked yet": idle("unused"),
  "idle: by the pauses": idle("pauses"),
  "idle: few pauses are known": idle("few_known"),
  "idle: Bedrock is cheaper": idle("bedrock_cheaper"),
  "pools: an order that was learned": { show: () => <PoolOrder hours={60} interruptions={3} seconds={1_800} first={POOL} last={{ ...POOL, availability_zone: "us-east-1d", interruptions: 2, usd: 0.71 }} /> },
  "sign out: nothing is unsent": unsent(0),
  "sign out: one is unsent": { ...unsent(1), does: pressing("#sign-out") },
  "sign out: some are unsent": { ...unsent(3), does: pressing("#sign-out") },
  "first visit: no GPU": first("off"),
  "first visit: a GPU is on": first("on"),
  "first visit: one is coming": first("moving"),
  "first visit: nobody knows what it costs": first("off", silent as never),
};
