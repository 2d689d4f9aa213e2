/** Registers the service worker for whoever is signed in: a browser that nobody uses keeps nothing. Loaded lazily. */
import { forgottenAfter } from "./leave";
import { TAKE_OVER } from "./logic/shell";

const FILE = "/sw.js";

/** The only text that ever becomes code here is this file's own name. */
function address(): string {
  const types = (window as { trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(text: string): string } } }).trustedTypes;
  return types ? types.createPolicy("foreverus-service-worker", { createScriptURL: () => FILE }).createScriptURL(FILE) : FILE;
}

/** `isNewest`: the page came from the site and not from what is kept. Without a service worker the page works as well. */
export async function keepShell(isNewest: boolean): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    const registering = navigator.serviceWorker.register(address(), { updateViaCache: "none" });
    forgottenAfter(registering);
    const found = await registering;
    if (isNewest) found.waiting?.postMessage(TAKE_OVER);
  } catch {
    // A browser that forbids it (a private window, a setting) has a page that needs a line.
  }
}
