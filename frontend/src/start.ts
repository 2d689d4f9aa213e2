/** Puts the page together: config, sign-in, REST, WebSocket and the clock. */
import { effect, untracked } from "@preact/signals";
import { batchActions, type BatchActions } from "./actions/batches";
import { draftActions, type DraftActions } from "./actions/batchDraft";
import { createWatch } from "./actions/batchWatch";
import { chatActions, type ChatActions } from "./actions/chats";
import { conversationActions, type ConversationActions } from "./actions/conversations";
import { keyActions, type KeyActions } from "./actions/keys";
import { myDataActions, type MyDataActions } from "./actions/mydata";
import { report, say } from "./actions/notices";
import { arrive } from "./actions/places";
import { quoteActions, type QuoteActions } from "./actions/quotes";
import { gotSessions, sessionActions, type SessionActions } from "./actions/sessions";
import { usageActions, type UsageActions } from "./actions/usage";
import { ApiError, createApi, type Api } from "./api";
import { createAuth, type Auth } from "./auth";
import { loadConfig } from "./config";
import { narrowConnections } from "./csp";
import { known, t } from "./i18n";
import { connect, type Topic } from "./live";
import { isOver, needsGpu } from "./logic/batches";
import { isWaiting } from "./logic/chat";
import { clock, ticks } from "./logic/clock";
import { restore, save } from "./logic/outbox";
import * as state from "./state";
import type { ServerFrame } from "./types";

const QUIET_MS = 15_000; // an unfinished answer that nothing was heard of for this long is asked for
const LOOK_MS = 30_000; // with nothing live to subscribe to, somebody else's session is found by looking
const SOON_MS = 5_000;

export interface Page {
  auth: Auth;
  sessions: SessionActions;
  chats: ChatActions;
  conversations: ConversationActions;
  batches: BatchActions;
  draft: DraftActions;
  keys: KeyActions;
  myData: MyDataActions;
  usage: UsageActions;
  quotes: QuoteActions;
}

function heard(): void {
  state.heardAt.value = clock.now();
}

function gotAnswer(answered: boolean): void {
  state.answered.value = answered;
  if (answered) heard();
}

/** Nothing of anybody is shown or kept any more. */
function leave(): void {
  state.stage.value = "loading";
  state.person.value = null;
  state.outbox.value = [];
  state.drafts.value = {};
}

export async function start(): Promise<Page | null> {
  let auth: Auth;
  let config;
  try {
    config = await loadConfig();
    narrowConnections(config);
    auth = createAuth(config, leave);
  } catch (error) {
    state.broken.value = error instanceof Error ? error.message : String(error);
    state.stage.value = "broken";
    return null;
  }
  const api = createApi(config.api_url, auth, undefined, clock, gotAnswer);
  const batches = batchActions(api);
  const draft = draftActions(api, batches.learnModels);
  const [chats, conversations] = [chatActions(api), conversationActions(api)];
  const [keys, myData] = [keyActions(api), myDataActions(api)];
  const page: Page = { auth, sessions: sessionActions(api), chats, conversations, batches, draft, keys, myData, usage: usageActions(api), quotes: quoteActions(api) };
  try {
    state.person.value = await auth.begin();
  } catch (error) {
    report(new Error(t("auth.failed", { reason: error instanceof Error ? error.message : String(error) })));
  }
  if (!state.person.value) {
    state.stage.value = "out";
    return page;
  }
  const { id: personId } = state.person.value;
  const saved = restore(sessionStorage, personId);
  state.outbox.value = saved.outbox;
  state.drafts.value = saved.drafts;
  effect(() => save(sessionStorage, personId, { outbox: [...state.outbox.value], drafts: { ...state.drafts.value } }));
  arrive(location.hash);
  window.addEventListener("popstate", () => arrive(location.hash));
  state.stage.value = "in";
  await Promise.all([page.sessions.refresh(), page.conversations.more()]);
  follow(page, api, config.websocket_url);
  void page.batches.learnModels();
  followBatches(page.batches);
  effect(() => {
    if (state.area.value === "usage") untracked(() => void page.usage.refresh());
  });
  effect(() => {
    if (state.area.value === "keys") untracked(() => void page.keys.refresh());
  });
  return page;
}

/** The open batch is asked for every two seconds until it is over, the list now and then; nothing while nobody looks. */
function followBatches(actions: BatchActions): void {
  const watch = createWatch(actions.look, (stale) => (state.batchStale.value = stale));
  let listed = -Infinity;
  const follow = () => watch.want(state.area.value === "batches" && !document.hidden ? state.batchId.value : null);
  const list = () => {
    listed = ticks();
    void actions.refresh();
  };
  effect(follow);
  document.addEventListener("visibilitychange", follow);
  effect(() => {
    if (state.area.value !== "batches") return;
    untracked(list);
    untracked(() => void actions.learnModels());
  });
  setInterval(() => {
    if (document.hidden || state.area.value !== "batches") return;
    const open = state.batches.value.some((batch) => !isOver(batch));
    if (ticks() - listed > (open && !state.batchId.value ? SOON_MS : LOOK_MS)) list();
  }, 1000);
}

/** Keeps everything that is shown up to date, by WebSocket while it is open and by asking while it is not. */
function follow(page: Page, api: Api, websocketUrl: string): void {
  let heardFrame = ticks();
  let looked = ticks();

  const onFrame = (frame: ServerFrame) => {
    heardFrame = ticks();
    if (frame.type === "session") gotSessions([frame.session]);
    else if (frame.type === "delta") page.chats.gotDelta(frame.conversation_id, frame);
    else if (frame.type === "message") page.chats.gotMessage(frame.conversation_id, frame.message);
    else if (frame.type === "error") report(new Error(frame.error.message));
  };

  const catchUp = (topic: Topic) => {
    const [kind, id] = [topic.slice(0, topic.indexOf(":")), topic.slice(topic.indexOf(":") + 1)];
    if (kind === "session") void page.sessions.refreshOne(id);
    else void page.chats.fetchMessages(id);
  };

  const line = connect({
    async address() {
      try {
        const { ticket } = await api.createTicket();
        state.expired.value = false;
        return `${websocketUrl}?ticket=${encodeURIComponent(ticket)}`;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) state.expired.value = true;
        throw error;
      }
    },
    onFrame,
    onSubscribed: catchUp,
    onState: (now) => (state.connection.value = now),
    onHeard: heard,
  });

  effect(() => {
    const topics: Topic[] = [];
    const session = state.latest.value;
    // An ended session without a receipt is about to get one.
    if (session && (state.live.value || !session.receipt)) topics.push(`session:${session.id}`);
    if (state.current.value) topics.push(`conversation:${state.current.value}`);
    line.want(topics);
  });
  effect(() => {
    const id = state.current.value;
    if (!id) return;
    untracked(() => void page.conversations.know(id));
    if (!state.chats.peek()[id]?.loaded) untracked(() => void page.chats.fetchMessages(id));
  });

  effect(() => {
    if (state.line.value !== "open") return;
    untracked(() => {
      void page.chats.sendWaiting();
      if (state.listing.value === "failed") void page.conversations.more();
    });
  });
  effect(() => {
    // A session that begins or is over changes what the month has cost.
    void state.live.value?.id;
    void page.sessions.refreshUsage();
  });

  const look = () => {
    looked = ticks();
    void page.sessions.refresh();
  };
  const back = () => {
    line.nudge();
    look();
    void page.conversations.refresh();
  };
  const hasNetwork = () => {
    state.online.value = navigator.onLine;
    if (navigator.onLine) back();
    else line.nudge(); // a socket that is dead says so sooner when it is asked
  };
  window.addEventListener("online", hasNetwork);
  window.addEventListener("offline", hasNetwork);
  state.online.value = navigator.onLine;
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) back();
  });

  setInterval(() => {
    const at = ticks();
    state.now.value = clock.now();
    if (document.hidden) return;
    const offline = state.connection.value !== "open";
    const batch = state.area.value === "batches" ? state.batch.value : undefined;
    const waiting = isWaiting(state.chat.value) || (batch !== undefined && needsGpu(batch));
    // A question that waits while nothing is live gets a GPU soon: somebody should see it come.
    const soon = offline || (waiting && !state.live.value);
    if (at - looked > (soon ? SOON_MS : LOOK_MS)) look();
    const id = state.current.value;
    if (id && isWaiting(state.chat.value) && at - heardFrame > (offline ? SOON_MS : QUIET_MS)) {
      heardFrame = at;
      void page.chats.fetchMessages(id);
    }
  }, 1000);

  effect(() => {
    const session = state.live.value;
    const on = state.gpu.value !== "off";
    const sign = on ? t(session && state.gpu.value !== "coming" ? "gpu.title.on" : "gpu.title.coming") : "";
    document.title = on ? `${sign} – Forever Us` : "Forever Us";
    document.getElementById("favicon")?.setAttribute("href", on ? "/gpu-on.svg" : "/gpu-off.svg");
  });
  effect(() => {
    const session = state.latest.value;
    if (session) untracked(() => say(`${t("gpu.region")}: ${known("session.status", session.status) ?? session.status}`));
  });
}
