/** Every state of the components that people see most, by name. Each sets what it needs of the page's state. */
import { shown, type Shown } from "../src/actions/batchResults";
import { prompts } from "../src/personal";
import { memories } from "../src/remembered";
import * as state from "../src/state";
import { codePoints } from "../src/logic/answers";
import { NO_CHAT } from "../src/logic/chat";
import type { Unsent } from "../src/logic/outbox";
import type { MemoryList, Message, Session } from "../src/types";
import BatchResults from "../src/ui/BatchResults";
import { BatchList } from "../src/ui/BatchList";
import { Choice, Details, Facts, Times } from "../src/ui/BatchFacts";
import { ChatView } from "../src/ui/ChatView";
import { Conversations } from "../src/ui/Conversations";
import { PowerStrip } from "../src/ui/PowerStrip";
import { ReceiptCard } from "../src/ui/ReceiptCard";
import { SessionPanel } from "../src/ui/SessionPanel";
import { AT, batch, batchFacts, conversation, instance, key, message, receipt, session, spend } from "../test/made";
import { BATCHES } from "./batches";
import { DOCUMENTS } from "./documents";
import { after, NOW, of, PAGE, QUOTE, quoted, RATE, silent, type Stories, type Story } from "./kit";
import { PERSON } from "./person";
import { VOICE } from "./voice";
import { WHOLE } from "./whole";
import KeysView from "../src/ui/KeysView";
import { Memories } from "../src/ui/Memories";
import Preferences from "../src/ui/Preferences";
import QuoteCard from "../src/ui/QuoteCard";
import Settings from "../src/ui/Settings";
import Shortcuts from "../src/ui/Shortcuts";
import UsageView from "../src/ui/UsageView";
import type { UsageReport } from "../src/types";

const MARKDOWN = `# Light

Air scatters **short** waves *more* than ~~long~~ ones, by \`1 / w ** 4\`:

1. blue comes from everywhere
   - also in the morning
2. red is left

- [x] seen
- [ ] understood

| colour | wavelength |
|---|---:|
| blue | 450 nm |
| red | 650 nm |

> It is the same light.

\`\`\`python
def scattered(nanometres: float) -> float:
    return (650 / nanometres) ** 4
\`\`\`

---

[More](https://example.org) <script>alert(1)</script> averyveryveryveryveryveryveryveryveryveryveryveryveryverylongword
`;
const QUESTION = message({ content: "Why is the sky blue?", status: "accepted" });
const ANSWER: Partial<Message> = { id: "ans_1", role: "assistant", in_reply_to: "msg_1", status: "answered", content: MARKDOWN };

function talk(answer: Partial<Message>, question: Message = QUESTION): Story {
  return {
    set() {
      state.current.value = "con_1";
      state.conversations.value = [conversation({ title: "The sky" })];
      state.models.value = ["mistral-7b", "mistral-7b@bedrock"];
      const one = message({ ...ANSWER, ...answer });
      const streams = one.status === "answering" ? { [one.id]: { text: one.content, points: codePoints(one.content), ahead: [] } } : {};
      state.chats.value = { con_1: { ...NO_CHAT, loaded: true, messages: [question, one], streams } };
    },
    show: () => of(ChatView),
  };
}

/** What it says of why is open. */
const why = (answer: Partial<Message>): Story => ({ ...talk(answer), does: async (find) => (await find(".why summary")).click() });
const SEES = { backend: "bedrock" as const, reason: "sees_images", text: "" };

function typed(changes: Partial<Unsent>, draft = ""): Story {
  return {
    set() {
      state.current.value = "con_1";
      state.conversations.value = [conversation({ title: "The sky" })];
      state.chats.value = { con_1: { ...NO_CHAT, loaded: true } };
      state.drafts.value = { con_1: draft };
      state.contextTokens.value = 8_192;
      if (changes.state) {
        const one = { key: "k", conversationId: "con_1", chain: "con_1", content: "And at night?", at: NOW };
        state.outbox.value = [{ ...one, state: "waiting", ...changes }];
      }
    },
    show: () => of(ChatView),
  };
}

const RECEIPT = receipt({
  ...{ launches: 1, launched_at: after(30), terminated_at: after(1_900), instance_seconds: 1_870, instance_minutes: 31.17 },
  ...{ price_per_hour_usd: 0.4, price_source: "spot price history of us-east-1a", gpu_usd: 0.2078, storage_usd: 0.004, address_usd: 0.0026 },
  ...{ database_usd: 0.01, bedrock_usd: 0.0012, bedrock_messages: 1, prompt_tokens: 1_200, completion_tokens: 3_400 },
  ...{ messages: 12, total_usd: 0.2256 },
});
const NOTHING_MORE = { attempt: 0, lifecycle: null, refused: [], availability_zone: null, instance_type: null, error: null };
/** What happened, as far as `until`: names of events with their seconds. */
const happened = (until: number) =>
  ([["requested", 0], ["launched", 60], ["booting", 90], ["downloading", 120], ["loading", 240], ["healthy", 300], ["end_requested", 590], ["terminated", 1_900]] as const)
    .filter(([, at]) => at <= until)
    .map(([state, at]) => ({ ...NOTHING_MORE, state, at: after(at), ...(state === "launched" && { availability_zone: "us-east-1a", instance_type: "g6.xlarge", lifecycle: "spot" }) }));
const ZONE = { availability_zone: "us-east-1a", instance_type: "g6.xlarge", code: "InsufficientInstanceCapacity", error: "NoGpuCapacity" };
const REFUSED = { ...NOTHING_MORE, state: "refused" as const, at: after(20), lifecycle: "spot", refused: [ZONE, { ...ZONE, availability_zone: "us-east-1b" }] };
const ON: Partial<Session> = {
  ...{ launched_at: after(60), instance: instance(), version: 2 },
  phases: ["booting", "downloading"].map((name, i) => ({ name, at: after(90 + 60 * i), attempt: 0 })),
  spend: spend({ gpu_usd_per_hour: 0.4, usd_per_hour: 0.42, launches: [{ launched_at: after(60), gpu_usd_per_hour: 0.4 }], session_cap_usd: 4, month_usd: 5, monthly_cap_usd: 20 }),
};
const SESSIONS: Record<string, Partial<Session>> = {
  "asked for": { events: happened(0) },
  booting: { ...ON, status: "booting", events: happened(120) },
  serving: { ...ON, status: "serving", healthy_at: after(300), events: happened(300) },
  "near its cap": { ...ON, status: "serving", healthy_at: after(300), events: happened(300), spend: { ...ON.spend!, notice: 80, notice_cap: "session" } },
  "switching off": { ...ON, status: "draining", end_requested: true, healthy_at: after(300), events: happened(590) },
  ended: { ...ON, status: "ended", ended_at: after(1_900), outcome: "idle", receipt: RECEIPT, events: happened(1_900).filter((one) => one.state !== "end_requested") },
  failed: { status: "failed", ended_at: after(60), outcome: "failed", error: { code: "NoGpuCapacity", message: "" }, events: [...happened(0), REFUSED] },
};
const sessions = Object.entries(SESSIONS).flatMap(([name, one]): [string, Story][] => {
  const set = () => {
    state.sessionsKnown.value = true;
    state.sessions.value = [session(one)];
  };
  return [
    [`strip: ${name}`, { set, show: () => of(PowerStrip) }],
    [`panel: ${name}`, { set, show: () => of(SessionPanel) }],
    [`table: ${name}`, { set, show: () => of(SessionPanel), does: async (find) => (await find(".events summary")).click() }],
  ];
});

const RUNNING = batch({
  ...{ status: "in_progress", in_progress_at: 200, expires_at: 90_000, request_counts: { total: 360, completed: 212, failed: 3 } },
  metadata: { filename: "enem-2024.jsonl" },
  foreverus: batchFacts({ backend: "gpu", round: 1, cost_usd: 0.31, tokens_per_second: 452, eta_seconds: 260, prompt_tokens: 48_200, completion_tokens: 96_400 }),
});
const DONE = batch({ ...RUNNING, id: "batch_0", status: "completed", completed_at: 900, request_counts: { total: 60, completed: 60, failed: 0 } });

const row = (id: string, more: object) => ({ id, question: `Which is it, ${id}?`, answer: "B", error: null, cut: false, promptTokens: 40, completionTokens: 2, ...more });
const RESULTS = {
  failedLines: ["{}"],
  rows: [
    row("line-7", { answer: "", error: { code: "context_length_exceeded", message: "It has 9,000 tokens of at most 8,192." } }),
    row("line-1", {}),
    row("line-2", { answer: "word ".repeat(120), cut: true }),
  ],
};
const SHOWN: Shown = { batchId: DONE.id, phase: "ready", bytes: 0, withoutInput: false, results: RESULTS, error: "" };

function results(changes: Partial<Shown> | null): Story {
  return {
    set: () => (shown.value = changes && { ...SHOWN, ...changes }),
    show: () => <BatchResults batch={DONE} batches={silent as never} draft={silent as never} />,
  };
}

const OWN = [{ id: "prm_1", object: "prompt" as const, name: "Physics, patiently", text: "Explain like a patient teacher.", created_at: AT, updated_at: AT }];
const SET = { system: "Answer in one sentence.", temperature: 0.2, max_tokens: 300, backend: "gpu" as const };

function settings(id: string | null, own: typeof OWN): Story {
  const page = { ...PAGE, api: new Proxy({}, { get: (_, name) => () => Promise.resolve(name === "prompts" ? own : null) }) };
  return {
    set() {
      prompts.value = own;
      state.current.value = id;
      state.conversations.value = [conversation({ title: "The sky", ...SET })];
      state.settingsOpen.value = state.takesDocuments.value = true;
    },
    show: () => <Settings page={page as never} />,
  };
}

const MEMORY = { object: "memory" as const, enabled: true, in_use: true, tokens: 12, conversation: null, created_at: AT, updated_at: AT };
const FORGOTTEN: MemoryList = { object: "list", data: [], has_more: false, budget_tokens: 500, used_tokens: 0 };
const REMEMBERED: MemoryList = {
  ...FORGOTTEN,
  data: [
    { ...MEMORY, id: "memory_3", text: "I teach chemistry in Salvador.", conversation: { id: "con_1", title: "The sky" } },
    { ...MEMORY, id: "memory_2", text: "I am away until May.", enabled: false, in_use: false },
    { ...MEMORY, id: "memory_1", text: "I like long words such as anticonstitucionalissimamente. ".repeat(5), in_use: false },
  ],
  used_tokens: 42,
};

const ELSEWHERE = { if_gpu_usd: 0.002, if_bedrock_usd: 0.001, if_always_on_usd: 560 };
const sum = (tokens: number, more: object) => ({ messages: 2, prompt_tokens: tokens, completion_tokens: tokens / 2, usd: 0.0004, ...ELSEWHERE, ...more });
const USED = [sum(1_000, { day: "2026-11-02", backend: "bedrock", person: "user-1", kind: "chat" }), sum(4_000, { day: "2026-11-03", backend: "gpu", person: "others", kind: "api" })];
const REPORT: UsageReport = {
  ...{ object: "usage", month: "2026-11", from: "2026-11-01", to: "2026-11-04", live: [], capacity: [], assumptions: [RATE] },
  ...{ spent_usd: 5.25, live_usd: 0, total_usd: 5.25, reserved_usd: 0, left_usd: 14.75, caps: { monthly_usd: 20, session_usd: 4 } },
  forecast: { low: 9, expected: 12, high: 19, usd_per_day: 0.4, days_left: 17.2, from: "2026-11-08", to: "2026-11-21", days: 14, enough: true, passes_cap_on: null, text: "" },
  idle: { seconds: 1_500, usd: 0.21, sessions: 3 },
  team: { totals: sum(5_000, {}), groups: USED },
  own: { totals: sum(1_000, {}), groups: USED.slice(0, 1) },
} as unknown as UsageReport;
const ON_SAGEMAKER = sum(2_000, { day: "2026-11-03", backend: "sagemaker", person: "user-1", kind: "api", usd: 0 });
const WITH_SAGEMAKER = { ...REPORT, team: { totals: sum(7_000, {}), groups: [...USED, ON_SAGEMAKER] } } as unknown as UsageReport;

export const STORIES: Stories = {
  "answer: queued": talk({ status: "queued", content: "" }),
  "answer: streamed": talk({ status: "answering", content: MARKDOWN.slice(0, 330) }),
  "answer: whole": talk({}),
  "answer: of Bedrock": talk({ backend: "bedrock", choice: { backend: "bedrock", reason: "nothing_live", text: "", numbers: { bedrock_usd: 0.0002, gpu_usd: 0.06 } } }),
  "answer: who saw its images": why({ backend: "bedrock", content: "A leaf.", choice: { ...SEES, numbers: { images: 1, images_seen_by: "amazon.nova-lite-v1:0" } } }),
  "answer: who read its images": why({ content: "A note.", choice: { ...SEES, backend: "gpu", reason: "gpu_is_on", numbers: { images: 1, images_read_by: "container" } } }),
  "answer: moved, cut, trimmed": talk({ moved_from: "gpu", backend: "bedrock", finish_reason: "length", trimmed_messages: 12, memories: 3 }),
  "answer: stopped": talk({ finish_reason: "stopped", content: "It is" }),
  "answer: failed": talk({ status: "failed", content: "", error: { code: "engine_failed", message: "none" } }),
  "answer: question too long": talk({ status: "failed", content: "", error: { code: "context_length_exceeded", message: "none" } }),
  "question: asked anew": talk({}, { ...QUESTION, replaces: "msg_0" }),
  "chat: empty": { show: () => of(ChatView) },
  "typed: waiting": typed({ state: "waiting" }),
  "typed: sending": typed({ state: "sending" }),
  "typed: failed": typed({ state: "failed", error: "No." }),
  "typed: refused": typed({ state: "failed", refused: true, error: "Too long." }),
  "composer: too long": typed({}, "word ".repeat(12_000)),
  ...Object.fromEntries(sessions),
  "strip: nobody has said": { show: () => of(PowerStrip) },
  "strip: off": { set: () => (state.sessionsKnown.value = true), show: () => of(PowerStrip) },
  "receipt: compared": { show: () => <div class="panel" style="width: 18rem"><ReceiptCard receipt={{ ...RECEIPT, boot_seconds: 312, idle_seconds: 600, idle_usd: 0.0667, if_bedrock_usd: 0.0011, always_on_day_usd: 9.6 }} /></div> },
  receipt: { show: () => <ReceiptCard receipt={RECEIPT} /> },
  "list: conversations": {
    set() {
      state.conversations.value = ["A very long title that does not fit into the list of conversations", "Syntax"].map((title, i) => conversation({ id: `con_${i}`, title, pinned: i === 0 }));
      state.olderConversations.value = null;
      state.current.value = "con_1";
    },
    show: () => of(Conversations),
  },
  "list: none": { set: () => (state.olderConversations.value = null), show: () => of(Conversations) },
  "list: batches": {
    set() {
      state.batchesKnown.value = true;
      state.batches.value = [RUNNING, DONE, batch({ id: "batch_2", status: "failed", failed_at: 300 })];
    },
    show: () => of(BatchList),
  },
  "batch: facts": {
    show: () => (
      <>
        <Facts batch={RUNNING} />
        <Choice batch={RUNNING} />
        <Times batch={RUNNING} />
        <Details batch={RUNNING} />
      </>
    ),
  },
  "results: not asked for": results(null),
  "results: on their way": results({ phase: "reading", bytes: 1_200_000 }),
  "results: too many for a page": results({ phase: "large" }),
  "results: nobody answers": results({ phase: "failed", error: "No." }),
  "results: a table": results({}),
  "results: the questions are gone": results({ withoutInput: true, results: { ...RESULTS, rows: RESULTS.rows.map((one) => ({ ...one, question: "" })) } }),
  "settings: a conversation": settings("con_1", OWN),
  "settings: a new one": settings(null, []),
  "sheet: the keyboard": { set: () => (state.shortcutsOpen.value = true), show: () => <Shortcuts page={PAGE as never} /> },
  "quote: a session": { show: () => <QuoteCard wish={{ kind: "session" }} actions={quoted(QUOTE)} /> },
  "usage: nobody has said": { show: () => of(UsageView) },
  "usage: a month": { set: () => (state.report.value = REPORT), show: () => of(UsageView) },
  "usage: of SageMaker too": { set: () => (state.report.value = WITH_SAGEMAKER), show: () => of(UsageView) },
  preferences: { show: () => of(Preferences) },
  "memories: some": { set: () => (memories.value = REMEMBERED), show: () => <Memories api={{ call: () => Promise.resolve(REMEMBERED) } as never} /> },
  "memories: none": { set: () => (memories.value = FORGOTTEN), show: () => <Memories api={{ call: () => Promise.resolve(FORGOTTEN) } as never} /> },
  "keys: none": { set: () => (state.keysKnown.value = true), show: () => of(KeysView) },
  "keys: a new one": {
    set() {
      state.keysKnown.value = true;
      state.keys.value = [key({ id: "key_2", name: "school" }), key()];
      state.newKey.value = { ...key({ id: "key_2", name: "school" }), key: `fu_${"x".repeat(43)}` };
    },
    show: () => of(KeysView),
  },
  ...BATCHES,
  ...DOCUMENTS,
  ...PERSON,
  ...VOICE,
  ...WHOLE,
};
