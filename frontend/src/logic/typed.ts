/**
 * What was typed, in this browser's storage: for every tab, and for whoever comes back after it was closed. Each message
 * and each draft has an entry of its own, so that two tabs never write over each other's.
 */
import type { Unsent } from "./outbox";

const PREFIX = "foreverus.typed.";
/** What others have left here unsent is kept for so long: they may come again. */
const OTHERS_KEPT_MS = 7 * 24 * 3_600_000;

interface Draft {
  text: string;
  at: number;
}

export interface Typed {
  outbox: Unsent[];
  drafts: Record<string, string>;
}

/** What another tab has changed: a message or a draft; null: it is gone. */
export type Change = { key: string; item: Unsent | null } | { draft: string; text: string };

function read<T extends object>(text: string | null): T | null {
  try {
    const found: unknown = JSON.parse(text ?? "null");
    return typeof found === "object" ? (found as T | null) : null;
  } catch {
    return null;
  }
}

export function typedOf(person: string, store: Storage) {
  const mine = `${PREFIX}${person}.`;
  const stored = new Set<string>(); // messages that had an entry

  /** False: a full or forbidden store. The page still holds it all in memory. */
  function put(name: string, value: unknown): boolean {
    try {
      if (value === null) store.removeItem(mine + name);
      else store.setItem(mine + name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  function names(): string[] {
    try {
      return Object.keys(store).filter((name) => name.startsWith(PREFIX));
    } catch {
      return [];
    }
  }

  return {
    /** Another tab has sent it, or taken it back, and its entry with it. */
    isGone: (key: string) => stored.has(key) && store.getItem(`${mine}m.${key}`) === null,
    keep(item: Unsent): void {
      if (put(`m.${item.key}`, item)) stored.add(item.key);
    },
    drop(key: string): void {
      put(`m.${key}`, null);
      stored.delete(key);
    },
    keepDraft: (place: string, text: string, now: number) => put(`d.${place}`, text === "" ? null : ({ text, at: now } satisfies Draft)),

    restore(now: number): Typed {
      const found: Typed = { outbox: [], drafts: {} };
      for (const name of names()) {
        if (name.startsWith(`${mine}m.`)) {
          const item = read<Unsent>(store.getItem(name));
          if (!item) continue;
          found.outbox.push(item);
          stored.add(item.key);
        } else if (name.startsWith(`${mine}d.`)) {
          const draft = read<Draft>(store.getItem(name));
          if (draft) found.drafts[name.slice(mine.length + 2)] = draft.text;
        } else if (now - (read<{ at: number }>(store.getItem(name))?.at ?? 0) > OTHERS_KEPT_MS) {
          store.removeItem(name);
        }
      }
      return found;
    },

    /** What a `storage` event says; undefined: it is about something else. */
    changed({ key, newValue }: { key: string | null; newValue: string | null }): Change | undefined {
      if (!key?.startsWith(mine)) return undefined;
      const [kind, name] = [key.slice(mine.length, mine.length + 2), key.slice(mine.length + 2)];
      if (kind === "m.") {
        const item = read<Unsent>(newValue);
        if (item) stored.add(name);
        return { key: name, item };
      }
      return { draft: name, text: read<Draft>(newValue)?.text ?? "" };
    },
  };
}

export type TypedStore = ReturnType<typeof typedOf>;
