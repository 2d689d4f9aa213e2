/** Search over titles and what was said: asked for after a pause in typing, again when a database that slept is awake, or
 * the line is back. */
import { computed, effect, signal, untracked } from "@preact/signals";
import { chats, current, line, olderConversations, sought } from "../state";
import type { ConversationList, Conversation } from "../types";
import type { ChatActions } from "./chats";
import { gotConversations, type ConversationActions } from "./conversations";
import { report } from "./notices";
import { go } from "./places";

const PAUSE_MS = 600;
const MOST_WAKES = 6; // tries for a database that wakes: a minute and a half
const MOST_PAGES = 200; // of a conversation, back to a message
const LOOK_MS = 50;

export interface Said {
  /** What was searched for; empty: nothing yet. */
  words: string;
  hits: readonly Conversation[];
  state: "idle" | "busy" | "failed";
  why: ConversationList["why"];
  more: boolean;
}

const NOTHING: Said = { words: "", hits: [], state: "idle", why: null, more: false };
export const said = signal<Said>(NOTHING);

/** Whether all titles were looked at. Where all conversations are listed here, nobody need be asked. */
export const titlesFound = computed(() => {
  if (olderConversations.value === null) return "found";
  const { words, state, more } = said.value;
  if (words !== sought.value.trim() || state === "busy") return "older";
  if (state === "failed") return "broken";
  return more ? "some" : "found";
});

type Find = Pick<ConversationActions, "find">;

/** Asks for the words that are typed from now on; returns what ends that, and what asks at once or for more. */
export function textSearch(actions: Find, wait = (ms: number, then: () => void) => setTimeout(then, ms) as unknown as number) {
  let timer = 0;
  let wakes = 0;
  let last: string | undefined;

  async function ask(words: string, after?: string): Promise<void> {
    said.value = { ...(after ? said.value : NOTHING), words, state: "busy" };
    try {
      const got = await actions.find(words, after);
      if (said.value.words !== words) return; // something else is looked for by now
      const hits = [...said.value.hits, ...got.data.filter((one) => one.match?.message)];
      last = got.data.at(-1)?.id;
      gotConversations(got.data.filter((one) => one.match?.title).map(({ match: _, ...one }) => one));
      said.value = { words, hits, state: "idle", why: got.why ?? null, more: got.has_more };
      if (got.why === "database_waking" && ++wakes < MOST_WAKES) {
        timer = wait((got.retry_after_seconds ?? 15) * 1000, () => void ask(words));
      }
    } catch (error) {
      if (said.value.words !== words) return;
      said.value = { ...said.value, state: "failed" };
      report(error);
    }
  }

  function now(): void {
    clearTimeout(timer);
    const words = sought.value.trim();
    if (words && (said.value.words !== words || said.value.state === "failed")) void ask(words);
  }

  const stop = effect(() => {
    const words = sought.value.trim();
    clearTimeout(timer);
    wakes = 0;
    if (words !== said.peek().words) {
      said.value = NOTHING;
      if (words) timer = wait(PAUSE_MS, now);
    }
  });
  const stopAgain = effect(() => {
    if (line.value === "open" && said.peek().state === "failed") untracked(now);
  });
  return {
    now,
    more: () => (last && said.value.state !== "busy" ? ask(said.value.words, last) : Promise.resolve()),
    end: () => {
      clearTimeout(timer);
      stop();
      stopAgain();
    },
  };
}

/** Opens the conversation where that was said: older messages are fetched until it is there. */
export async function openAt(actions: Pick<ChatActions, "fetchMessages" | "fetchOlder">, id: string, message: string): Promise<void> {
  go({ area: "chats", id });
  for (let page = 0; page < MOST_PAGES && current.value === id; page++) {
    const chat = chats.value[id];
    if (chat?.messages.some((one) => one.id === message)) break;
    if (chat?.loaded && chat.older === null) return; // it is in an earlier version, or gone
    await (chat?.loaded ? actions.fetchOlder(id) : actions.fetchMessages(id));
    if (chats.value[id] === chat) await new Promise((done) => setTimeout(done, LOOK_MS)); // the page itself is fetching
  }
  // Once it is drawn, and the end of the conversation has been shown.
  requestAnimationFrame(() => requestAnimationFrame(() => show(message)));
}

function show(message: string): void {
  const place = document.getElementById(`said-${message}`);
  if (!place) return;
  place.scrollIntoView({ block: "center" });
  place.focus({ preventScroll: true });
}
