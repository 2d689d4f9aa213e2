/** Shows what is kept of conversations until the server has said what there is, and keeps what was read. Loaded lazily. */
import { effect, untracked } from "@preact/signals";
import type { Person } from "../auth";
import * as history from "../history";
import { clock, ticks } from "../logic/clock";
import { chatOf, keptOf, MOST_LISTED } from "../logic/kept";
import { keepsHere, setKeepsHere } from "../logic/keeping";
import { chats, conversations, current, gone, keepHere, keptAt, leaving, olderConversations } from "../state";
import { gotConversations, unconfirmed } from "./conversations";

const SETTLED_MS = 1_500; // a conversation that changes (an answer that streams) is kept when it has not for so long

/** A browser without a database, or one that forbids it, keeps nothing, and the page works as well. */
const tried = (work: Promise<unknown>) => void work.catch(() => undefined);

async function showList(person: Person): Promise<void> {
  const kept = await history.person(person.id);
  if (!kept || olderConversations.value !== "") return;
  for (const { id } of kept.conversations) unconfirmed.add(id);
  const known = new Set(conversations.value.map(({ id }) => id));
  gotConversations(kept.conversations.filter(({ id }) => !known.has(id)), false);
}

async function showChat(person: Person, id: string): Promise<void> {
  const kept = await history.chat(person.id, id);
  if (!kept || chats.value[id]?.loaded || chats.value[id]?.messages.length) return;
  keptAt.value = { ...keptAt.value, [id]: kept.at };
  chats.value = { ...chats.value, [id]: chatOf(kept) };
}

async function keepChat(person: Person, id: string): Promise<void> {
  const chat = chats.value[id];
  if (!chat?.loaded || chat.messages.length === 0 || leaving.value.has(id) || !keepHere.value) return;
  await history.keepChat(person.id, id, keptOf(chat, clock.now()));
}

async function keepList(person: Person): Promise<void> {
  if (olderConversations.value === "" || !keepHere.value) return; // nothing was listed yet
  const listed = conversations.value.filter(({ id }) => !leaving.value.has(id)).slice(0, MOST_LISTED);
  await history.keepPerson({ ...person, at: clock.now(), conversations: listed });
}

/** Runs when `change` has not been for a while. One timer for all the words of an answer: to set one anew with each of
 * them would take longer than to draw it. */
function settled(change: () => unknown, then: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let changed = 0;
  const look = () => {
    const left = changed + SETTLED_MS - ticks();
    timer = left > 0 ? setTimeout(look, left) : undefined;
    if (!timer) then();
  };
  const end = effect(() => {
    change();
    changed = ticks();
    timer ??= setTimeout(look, SETTLED_MS);
  });
  return () => {
    clearTimeout(timer);
    end();
  };
}

/** Returns how it ends. */
export function followHistory(person: Person): () => void {
  keepHere.value = keepsHere();
  tried(history.tidy(person.id));
  tried(showList(person));
  let known: ReadonlySet<string> = new Set();
  const ends = [
    effect(() => {
      const id = current.value;
      if (id) untracked(() => tried(showChat(person, id)));
    }),
    settled(
      () => [current.value, current.value && chats.value[current.value], keepHere.value],
      () => current.value && tried(keepChat(person, current.value)),
    ),
    settled(
      () => [conversations.value, olderConversations.value, keepHere.value],
      () => tried(keepList(person)),
    ),
    effect(() => {
      const now = new Set(conversations.value.map(({ id }) => id));
      for (const id of known) if (!now.has(id) && !unconfirmed.has(id)) tried(history.dropChat(person.id, id)); // deleted, here or elsewhere
      known = now;
    }),
    effect(() => {
      if (gone.value) tried(history.dropChat(person.id, gone.value));
    }),
    effect(() => {
      // All that there are have been listed: what is kept beside them was deleted elsewhere.
      if (olderConversations.value === null) untracked(() => tried(history.keepOnly(person.id, conversations.value.map(({ id }) => id))));
    }),
  ];
  return () => ends.forEach((end) => end());
}

/** Whether conversations are kept on this device; what is there goes at once where they are not. */
export async function keepOnDevice(yes: boolean): Promise<void> {
  keepHere.value = yes;
  setKeepsHere(yes);
  if (!yes) await history.dropAll();
}
