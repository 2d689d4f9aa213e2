/** Keeps what is typed in this browser's storage, and shows what another tab has typed. */
import { effect, untracked } from "@preact/signals";
import { clock } from "../logic/clock";
import type { Unsent } from "../logic/outbox";
import { typedOf, type TypedStore } from "../logic/typed";
import { drafts, outbox } from "../state";
import { seldom } from "./behind";
import { madeOf } from "./chatState";

export interface OtherTab {
  /** It has begun to send a chain. */
  sends(chain: string): void;
  /** Something that was to be sent in a conversation is not any more: most likely it is there now. */
  sent(conversationId: string): void;
}

const KEPT_MS = 250;

let kept: TypedStore | undefined;

/** Another tab has dealt with it, whether or not this one has heard of it yet. */
export const isGone = (key: string): boolean => kept?.isGone(key) ?? false;

export function keepTyped(person: string, other: OtherTab): () => void {
  const store = (kept = typedOf(person, localStorage));
  const found = store.restore(clock.now());
  // What was on its way when the last tab was closed may have arrived: it goes again under the same key. The entry stays
  // as it is: another tab may be sending it.
  const items = found.outbox.map((item) => (item.state === "failed" ? item : { ...item, state: "waiting" as const }));
  let known: ReadonlyMap<string, Unsent> = new Map(items.map((item) => [item.key, item]));
  let written = found.drafts as Readonly<Record<string, string>>;
  outbox.value = items;
  drafts.value = found.drafts;

  // To write into the storage takes four times as long as all else that a key does: it waits until a key is shown.
  const keeping = seldom(() => {
    for (const [place, text] of Object.entries(drafts.peek())) {
      if ((written[place] ?? "") !== text) store.keepDraft(place, text, clock.now());
    }
    written = drafts.peek();
  }, KEPT_MS);
  const keep = () => {
    // What is sent is no draft any more, at once: later that could take away what another tab has typed.
    const isSent = Object.entries(drafts.peek()).some(([place, text]) => text === "" && written[place]);
    if (document.hidden || isSent) keeping.now();
    else keeping.soon();
  };

  const ends = [
    effect(() => {
      const now = new Map(outbox.value.map((item) => [item.key, item]));
      for (const item of now.values()) if (known.get(item.key) !== item) store.keep(item);
      for (const key of known.keys()) if (!now.has(key)) store.drop(key);
      known = now;
    }),
    effect(() => {
      if (drafts.value !== written) untracked(keep);
    }),
    keeping.end,
  ];

  const onStorage = (event: StorageEvent) => {
    const change = store.changed(event);
    if (!change) return;
    if ("draft" in change) {
      // Where somebody types, what they type counts.
      if (document.hasFocus()) return;
      written = { ...written, [change.draft]: change.text }; // there it stands: written back, it could be older by then
      drafts.value = { ...drafts.value, [change.draft]: change.text };
      return;
    }
    const others = outbox.value.filter((one) => one.key !== change.key);
    const before = outbox.value.find((one) => one.key === change.key);
    const { item } = change;
    outbox.value = item ? [...others, item] : others;
    if (item?.conversationId && before?.conversationId === null) madeOf(item.chain, item.conversationId);
    if (item && !before && item.state !== "waiting" && item.state !== "failed") other.sends(item.chain);
    if (!item && before?.conversationId) other.sent(before.conversationId);
  };
  window.addEventListener("storage", onStorage);
  window.addEventListener("pagehide", keeping.now);
  document.addEventListener("visibilitychange", keeping.now);
  return () => {
    for (const end of ends) end();
    window.removeEventListener("pagehide", keeping.now);
    document.removeEventListener("visibilitychange", keeping.now);
    window.removeEventListener("storage", onStorage);
  };
}
