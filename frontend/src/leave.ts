/** Leaving the page for good: what it has kept in this browser is forgotten, in every tab. */

const CHANNEL = "foreverus";
const LEFT = "left";

/** Everything of this origin: storage, databases and caches, also what an older page has kept. Never throws. */
export async function forget(): Promise<void> {
  for (const store of [() => sessionStorage, () => localStorage]) {
    try {
      store().clear();
    } catch {
      // A forbidden store holds nothing.
    }
  }
  const databases = async () => {
    for (const { name } of await indexedDB.databases()) if (name) indexedDB.deleteDatabase(name);
  };
  const kept = async () => {
    for (const name of await caches.keys()) await caches.delete(name);
  };
  await Promise.allSettled([databases(), kept()]);
}

/** Tells the other tabs, and hears of them. */
export function otherTabs(onLeft: () => void): { tell(): void } {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event) => {
    if (event.data === LEFT) onLeft();
  };
  return { tell: () => channel.postMessage(LEFT) };
}

/** A page that the browser has kept in memory is not shown again by Back: it is loaded anew, and knows who is signed in. */
export function neverFromMemory(): void {
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
