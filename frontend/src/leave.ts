/** Leaving the page for good: what it has kept in this browser is forgotten, in every tab. */
import { keepsHere, setKeepsHere } from "./logic/keeping";
import { FORGET } from "./logic/shell";

const CHANNEL = "foreverus";
const LEFT = "left";
const ANYBODY = "is anybody signed in";
const SOMEBODY = "somebody is signed in";

/** What another tab holds open, or a service worker that is just filling its cache, is waited for, but not for ever. */
const WAIT_MS = 1_000;

function soon(begin: (done: () => void) => void): Promise<void> {
  return new Promise((done) => {
    begin(done);
    setTimeout(done, WAIT_MS);
  });
}

let registered: Promise<unknown> = Promise.resolve();

/** A registration that is on its way would outlive the page: what is to be forgotten has to be there first. */
export function forgottenAfter(registering: Promise<unknown>): void {
  registered = registering.catch(() => undefined);
}

/** Everything of this origin: storage, databases, caches and service workers, also what an older page has kept. Never
 * throws. */
export async function forget(): Promise<void> {
  const keeps = keepsHere();
  for (const store of [() => sessionStorage, () => localStorage]) {
    try {
      store().clear();
    } catch {
      // A forbidden store holds nothing.
    }
  }
  setKeepsHere(keeps); // that this device is to keep nothing is no secret
  const databases = async () => {
    for (const { name } of await indexedDB.databases()) if (name) {
      const request = indexedDB.deleteDatabase(name);
      await soon((done) => (request.onsuccess = request.onerror = request.onblocked = done));
    }
  };
  const workers = async () => {
    await soon((done) => void registered.then(done));
    for (const one of await navigator.serviceWorker.getRegistrations()) {
      const { installing } = one;
      for (const worker of [installing, one.waiting, one.active]) worker?.postMessage(FORGET);
      if (installing) await soon((done) => installing.addEventListener("statechange", done));
      await one.unregister();
    }
  };
  const kept = async () => {
    for (const name of await caches.keys()) await caches.delete(name);
  };
  await Promise.allSettled([databases(), workers()]);
  await kept().catch(() => undefined);
}

export interface OtherTabs {
  /** Somebody signs out here. */
  tell(): void;
  /** Calls `then` once, where somebody is signed in in another tab. */
  ask(then: () => void): void;
}

/** Tells the other tabs, and hears of them. No token goes from tab to tab: each has its own. */
export function otherTabs(onLeft: () => void, isIn: () => boolean): OtherTabs {
  const channel = new BroadcastChannel(CHANNEL);
  let asked: (() => void) | undefined;
  channel.onmessage = ({ data }) => {
    if (data === LEFT) onLeft();
    else if (data === ANYBODY && isIn()) channel.postMessage(SOMEBODY);
    else if (data === SOMEBODY) {
      asked?.();
      asked = undefined;
    }
  };
  return {
    tell: () => channel.postMessage(LEFT),
    ask(then) {
      asked = then;
      channel.postMessage(ANYBODY);
    },
  };
}

/** A page that the browser has kept in memory is not shown again by Back: it is loaded anew, and knows who is signed in. */
export function neverFromMemory(): void {
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
