/** Puts the page together: config, sign-in, REST, WebSocket and the clock. */
import { computed, effect, untracked } from "@preact/signals";
import { batchActions, type BatchActions } from "./actions/batches";
import { typed } from "./actions/behind";
import { draftActions, type DraftActions } from "./actions/batchDraft";
import { createWatch } from "./actions/batchWatch";
import { chatActions, type ChatActions } from "./actions/chats";
import { conversationActions, type ConversationActions } from "./actions/conversations";
import { keyActions, type KeyActions } from "./actions/keys";
import { myDataActions, type MyDataActions } from "./actions/mydata";
import { explain, lineIsBack, report, say, tellOfMissingCode } from "./actions/notices";
import { arrive, hashOf, place } from "./actions/places";
import { quoteActions, type QuoteActions } from "./actions/quotes";
import { keepTyped } from "./actions/typed";
import { gotSessions, sessionActions, type SessionActions } from "./actions/sessions";
import { fetchAgain } from "./actions/unfetched";
import { usageActions, type UsageActions } from "./actions/usage";
import { ApiError, createApi, type Api } from "./api";
import { createAuth, type Auth, type Person } from "./auth";
import { besideAnswer, besideComposer } from "./beside";
import { loadConfig, type Config } from "./config";
import { narrowConnections } from "./csp";
import type { ServerFrame } from "./frames";
import { allWords, known, t } from "./i18n";
import { connect, type Topic } from "./live";
import { isOver, needsGpu } from "./logic/batches";
import { isWaiting } from "./logic/chat";
import { clock, ticks } from "./logic/clock";
import { forgetLeft, leftIds } from "./logic/leaving";
import { me } from "./personal";
import * as state from "./state";

const QUIET_MS = 15_000; // an unfinished answer that nothing was heard of for this long is asked for
const LOOK_MS = 30_000; // with nothing live to subscribe to, somebody else's session is found by looking
const SOON_MS = 5_000;
const HEARD_MS = 250;

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
  api: Api;
  apiUrl: string;
}

/** With each piece of an answer: what hangs on it is looked at a few times a second. */
function heard(): void {
  const now = clock.now();
  if (Math.abs(now - state.heardAt.peek()) >= HEARD_MS) state.heardAt.value = now;
}

function gotAnswer(answered: boolean): void {
  state.answered.value = answered;
  if (answered) heard();
}

/** Until somebody can type: nothing that comes by itself comes before that. A tab that nobody sees draws nothing. */
const drawn = () => new Promise<void>((done) => void (document.hidden ? done() : requestAnimationFrame(() => setTimeout(done))));

let keptTyped = () => undefined as void;
let keptHistory = keptTyped;

/** Nothing of anybody is shown or kept any more. */
function leave(): void {
  keptTyped();
  keptHistory();
  state.stage.value = "loading";
  state.person.value = null;
  state.leaving.value = new Set();
  forgetLeft(sessionStorage);
  state.outbox.value = [];
  state.drafts.value = {};
}

/** Where neither the site nor the sign-in can be asked: who was here last reads what this device has kept. They sign in
 * when the line is back; until then nothing of theirs but that can be seen. */
async function keptPerson(config: Config): Promise<Person | null> {
  if (!config.kept && navigator.onLine) return null;
  const found = await import("./history").then(({ lastPerson }) => lastPerson()).catch(() => undefined);
  return found ? { id: found.id, name: found.name } : null;
}

/** `words`: what can be said is here. */
export async function start(words: Promise<void>): Promise<Page | null> {
  let auth: Auth;
  let config;
  tellOfMissingCode();
  try {
    [config] = await Promise.all([loadConfig(), words]);
    narrowConnections(config);
    state.takesDocuments.value = config.documents === "on";
    auth = createAuth(config, leave, () => (state.stage.value = "left"));
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
  const page: Page = { auth, sessions: sessionActions(api), chats, conversations, batches, draft, keys, myData, usage: usageActions(api), quotes: quoteActions(api), api, apiUrl: config.api_url };
  try {
    state.person.value = await auth.begin();
  } catch (error) {
    report(new Error(t("auth.failed", { reason: explain(error) })));
  }
  const who = (state.person.value ??= await keptPerson(config));
  if (!who) {
    state.stage.value = "out";
    // A link that was opened in a tab of its own: whoever is signed in beside it need not say so again.
    if (hashOf(place(location.hash)) !== "") auth.likeOthers(() => void auth.signIn().catch(() => undefined));
    return page;
  }
  const personId = who.id;
  keptTyped = keepTyped(personId, {
    sends: (chain) => void chats.flush(chain, true),
    sent: (id) => {
      if (state.current.value === id) void chats.fetchMessages(id);
    },
  });
  state.leaving.value = new Set(leftIds(sessionStorage, clock.now()));
  // A browser may drop what a page sends as it is left: once more changes nothing.
  for (const id of state.leaving.value) void api.deleteConversation(id).catch(() => undefined);
  arrive(location.hash);
  window.addEventListener("popstate", () => arrive(location.hash));
  state.stage.value = "in";
  follow(page, api, config.websocket_url);
  const listed = Promise.all([page.sessions.refresh(), page.conversations.more()]);
  drawn().then(allWords).catch(() => undefined); // what may go wrong, too, can be said then
  drawn()
    .then(() => import("./actions/history"))
    .then(
      ({ followHistory }) => {
        if (state.person.value === who) keptHistory = followHistory(who); // nobody has signed out meanwhile
      },
      () => undefined,
    );
  void listed.then(() => {
    // Whoever has signed out meanwhile is kept nothing of; where the code is not to be had the next load tries again.
    import("./shell").then(({ keepShell }) => (state.person.value === who ? keepShell(!config.kept) : undefined)).catch(() => undefined);
    void import("./actions/preferences").then(({ preferenceActions }) => preferenceActions(api).follow(), () => undefined);
    void page.batches.learnModels();
  });
  followBatches(page.batches);
  const hasVoice = computed(() => me.value?.has_voice === true);
  effect(() => {
    if (!hasVoice.value) besideComposer.value = besideAnswer.value = null;
    else void import("./ui/Voice").then(({ putVoice }) => putVoice(api), () => undefined); // the next load tries again
  });
  effect(() => {
    if (state.area.value === "usage") untracked(() => void page.usage.refresh());
  });
  effect(() => {
    if (state.area.value === "keys") untracked(() => void page.keys.refresh());
  });
  return page;
}

/** Says what changes of itself, once each: not each change of a session, of which the meter is one. */
function announce(): void {
  const status = computed(() => state.latest.value?.status);
  effect(() => {
    const now = status.value;
    if (now) untracked(() => say(`${t("gpu.region")}: ${known("session.status", now) ?? now}`));
  });
  const isDown = computed(() => !["open", "connecting", "closed"].includes(state.line.value));
  let was = false;
  effect(() => {
    const down = isDown.value;
    if (down !== was) untracked(() => say(t(down ? "net.said.down" : "net.said.up")));
    was = down;
  });
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
  let listed = false; // before the first subscription the list was fetched a moment ago

  const onFrame = (frame: ServerFrame) => {
    heardFrame = ticks();
    if (frame.type === "session") gotSessions([frame.session]);
    else if (frame.type === "delta") page.chats.gotDelta(frame.conversation_id, frame);
    else if (frame.type === "conversation") page.chats.gotConversation(frame.conversation);
    else if (frame.type === "message") page.chats.gotMessage(frame.conversation_id, frame.message);
    else if (frame.type === "deleted") page.chats.gotDeleted(frame.conversation_id, frame.message_id);
    else if (frame.type === "error") report(new Error(frame.error.message));
  };

  const catchUp = (topic: Topic) => {
    const [kind, id] = [topic.slice(0, topic.indexOf(":")), topic.slice(topic.indexOf(":") + 1)];
    if (kind === "session") void page.sessions.refreshOne(id);
    else if (kind === "list") {
      if (listed) void page.conversations.refresh();
      listed = true;
    }
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
    attention: () => {
      if (!document.hidden) return "seen";
      return state.live.peek() || Object.values(state.chats.peek()).some(isWaiting) ? "awaited" : "unseen";
    },
  });

  effect(() => {
    const topics: Topic[] = ["list:conversations"];
    const session = state.latest.value;
    // An ended session without a receipt is about to get one.
    if (session && (state.live.value || !session.receipt)) topics.push(`session:${session.id}`);
    if (state.current.value) topics.push(`conversation:${state.current.value}`);
    line.want(topics);
  });
  effect(() => {
    const id = state.current.value;
    if (!id) return;
    if (!state.chats.peek()[id]?.loaded) untracked(() => void page.chats.fetchMessages(id));
  });

  effect(() => {
    const id = state.current.value;
    // The first page of the list has most that are opened.
    if (id && state.olderConversations.value !== "") untracked(() => void page.conversations.know(id));
  });

  effect(() => {
    if (state.line.value !== "open") return;
    untracked(() => {
      void page.chats.sendWaiting();
      fetchAgain();
      lineIsBack();
      if (state.listing.value === "failed") void page.conversations.more();
    });
  });
  effect(() => {
    // A session that begins or is over changes what the month has cost.
    void state.live.value?.id;
    if (state.sessionsKnown.value) void page.sessions.refreshUsage();
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
  window.addEventListener("input", typed, true);
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
    const said = state.news.value || sign;
    document.title = said ? `${said} – Forever Us` : "Forever Us";
    document.getElementById("favicon")?.setAttribute("href", state.news.value ? "/news.svg" : on ? "/gpu-on.svg" : "/gpu-off.svg");
  });
  announce();
}
