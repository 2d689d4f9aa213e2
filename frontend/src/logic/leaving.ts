/**
 * What was deleted as its page was left: the next page of the tab may ask for the list before the deletion has arrived,
 * does not show it for a minute, and deletes it once more. One that could not be deleted is there again after that.
 */
const KEY = "foreverus.leaving";
const FOR_MS = 60_000;

type Left = [id: string, at: number];

function read(store: Pick<Storage, "getItem">, now: number): Left[] {
  try {
    const found: unknown = JSON.parse(store.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? (found as Left[]).filter(([, at]) => now - at < FOR_MS) : [];
  } catch {
    return [];
  }
}

export function leftIds(store: Pick<Storage, "getItem">, now: number): string[] {
  return read(store, now).map(([id]) => id);
}

export function noteLeft(store: Pick<Storage, "getItem" | "setItem">, id: string, now: number): void {
  store.setItem(KEY, JSON.stringify([...read(store, now), [id, now]]));
}

export function forgetLeft(store: Pick<Storage, "removeItem">): void {
  store.removeItem(KEY);
}
