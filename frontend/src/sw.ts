/** The service worker: the page opens without a line, in the version that was last whole here. logic/shell.ts has its rules. */
import { answerFor, CONFIG, FORGET, KEPT, PAGE, PATIENCE_MS, PREFIX, TAKE_OVER, type Shell } from "./logic/shell";

interface Later extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asking extends Later {
  request: Request;
  preloadResponse: Promise<Response | undefined>;
  respondWith(answer: Promise<Response>): void;
}
/** What of a service worker's global scope is used: its types and a page's do not go together. */
interface Worker {
  registration: { navigationPreload?: { enable(): Promise<void> } };
  clients: { claim(): Promise<void>; matchAll(of: object): Promise<readonly unknown[]> };
  location: Location;
  skipWaiting(): Promise<void>;
  addEventListener(name: "install" | "activate", by: (event: Later) => void): void;
  addEventListener(name: "message", by: (event: Later & MessageEvent) => void): void;
  addEventListener(name: "fetch", by: (event: Asking) => void): void;
}

const worker = self as unknown as Worker;
const SHELL = JSON.parse("__SHELL__") as Shell; // the build writes it (serviceWorker.ts)
const NAME = PREFIX + SHELL.version;
/** Somebody signed out: from then on this worker keeps nothing, also what is on its way. */
const left = new AbortController();
const { signal } = left;

/** All of it, or nothing: a page whose files are of two deployments would not start. */
async function fill(): Promise<void> {
  const page = await fetch(PAGE, { cache: "reload", signal });
  if (!page.ok || !(await page.clone().text()).includes(SHELL.entry)) throw new Error("another version is being deployed");
  const cache = await caches.open(NAME);
  try {
    await cache.put(PAGE, page);
    await cache.addAll(SHELL.files.filter((file) => file !== PAGE).map((file) => new Request(file, { signal })));
    await cache.add(new Request(CONFIG, { cache: "no-store", signal }));
    signal.throwIfAborted();
  } catch (error) {
    await caches.delete(NAME);
    throw error;
  }
}

async function begin(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== NAME) await caches.delete(name);
  await worker.registration.navigationPreload?.enable();
  await worker.clients.claim();
}

/** Asking makes no cache: one that was forgotten stays away. */
const kept = (address: string) => caches.match(address, { cacheName: NAME });

function inTime(asked: Promise<Response>): Promise<Response> {
  const late = new Promise<never>((_, fail) => setTimeout(() => fail(new Error("late")), PATIENCE_MS));
  return Promise.race([asked, late]);
}

/** The newest; what is kept where nobody answers, or a server does that has trouble. */
async function newest(asked: Promise<Response>, address: string): Promise<Response> {
  const found = await inTime(asked).catch(() => undefined);
  if (found && found.status < 500) return found;
  const old = await kept(address);
  if (!old) return found ?? asked;
  asked.catch(() => undefined);
  const headers = new Headers(old.headers);
  headers.set(KEPT, "1");
  return new Response(old.body, { status: old.status, headers });
}

async function config(request: Request): Promise<Response> {
  const found = await newest(fetch(request), CONFIG);
  if (found.ok && !found.headers.has(KEPT) && !signal.aborted && (await caches.has(NAME))) await (await caches.open(NAME)).put(CONFIG, found.clone());
  return found;
}

worker.addEventListener("install", (event) => event.waitUntil(fill()));
worker.addEventListener("activate", (event) => event.waitUntil(begin()));
worker.addEventListener("message", (event) => {
  // A newer one waits for the pages of the older: where there is but the one that asks, nobody is left to wait for.
  const alone = worker.clients.matchAll({ type: "window", includeUncontrolled: true }).then((all) => all.length <= 1);
  if (event.data === FORGET) {
    left.abort();
    event.waitUntil(caches.delete(NAME));
  }
  if (event.data === TAKE_OVER) event.waitUntil(alone.then((yes) => (yes ? worker.skipWaiting() : undefined)));
});
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const asked = { method: request.method, url: request.url, navigates: request.mode === "navigate" };
  const answer = answerFor(asked, worker.location.origin, SHELL);
  if (answer === "page") event.respondWith(newest(event.preloadResponse.then((early) => early ?? fetch(request)), PAGE));
  else if (answer === "config") event.respondWith(config(request));
  else if (answer === "file") event.respondWith(kept(new URL(request.url).pathname).then((found) => found ?? fetch(request)));
});
