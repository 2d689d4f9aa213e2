import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../src/api";
import { createAuth, type Auth } from "../src/auth";
import type { Config } from "../src/config";

const config = {
  cognito: { authority: "https://issuer", client_id: "page", domain: "https://sign-in", redirect_uri: "https://page/" },
} as Config;
const KEY = "foreverus.user:https://issuer:page";

class Store implements Storage {
  private kept = new Map<string, string>();
  get length(): number {
    return this.kept.size;
  }
  key = (at: number) => [...this.kept.keys()][at] ?? null;
  getItem = (name: string) => this.kept.get(name) ?? null;
  setItem = (name: string, value: string) => void this.kept.set(name, value);
  removeItem = (name: string) => void this.kept.delete(name);
  clear = () => this.kept.clear();
}

let store: Store;
let fetched: string[];
let answer: (url: string) => Promise<Response>;

/** Somebody who has signed in and whose token is good for so many seconds. */
function signedIn(seconds: number, refresh_token = "r"): Auth {
  const expires_at = Math.floor(Date.now() / 1000) + seconds;
  const profile = { sub: "ana", iss: "https://issuer", aud: "page", exp: expires_at, iat: 1 };
  const user = { access_token: "old", refresh_token, token_type: "Bearer", scope: "openid email", expires_at, profile };
  store.setItem(KEY, JSON.stringify(user));
  return createAuth(config, () => undefined, () => undefined);
}

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
const renewed = () => json(200, { access_token: "new", token_type: "Bearer", expires_in: 900 });

beforeEach(() => {
  vi.useFakeTimers();
  store = new Store();
  fetched = [];
  vi.stubGlobal("sessionStorage", store);
  vi.stubGlobal("localStorage", new Store());
  vi.stubGlobal("indexedDB", { databases: async () => [] });
  vi.stubGlobal("caches", { keys: async () => [] });
  vi.stubGlobal("window", { addEventListener: () => undefined });
  vi.stubGlobal("location", { origin: "https://page", search: "", assign: vi.fn(), replace: vi.fn() });
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("BroadcastChannel", class { postMessage(): void {} });
  vi.stubGlobal("fetch", async (url: string) => {
    fetched.push(url);
    return answer(url);
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const failures: Record<string, () => Promise<Response>> = {
  "no network": async () => Promise.reject(new TypeError("Failed to fetch")),
  "a server that fails": async () => new Response("<html>", { status: 502, headers: { "Content-Type": "application/json" } }),
  "an answer of no kind": async () => new Response("<html>", { status: 503, headers: { "Content-Type": "text/html" } }),
  "a busy one": async () => json(429, { message: "Too many requests" }),
  "one that says that it fails": async () => json(500, { error: "server_error" }),
  "one that will be back": async () => json(503, { error: "temporarily_unavailable" }),
};

it.each(Object.keys(failures))("signs nobody out for %s, and renews when that is over", async (how) => {
  answer = failures[how]!;
  const auth = signedIn(-5);
  const error = await auth.token().then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).passing).toBe(true);
  await expect(auth.renew()).rejects.toBeInstanceOf(ApiError);
  answer = async () => renewed();
  expect(await auth.token()).toBe("new");
});

it("goes on with a token that is good for a moment while nobody can be asked for another", async () => {
  answer = failures["no network"]!;
  const auth = signedIn(30);
  expect(await auth.token()).toBe("old");
  await vi.advanceTimersByTimeAsync(31_000);
  await expect(auth.token()).rejects.toBeInstanceOf(ApiError);
});

it.each(["invalid_grant", "invalid_client", "unauthorized_client"])("has the person sign in again after %s", async (error) => {
  answer = async () => json(400, { error });
  const auth = signedIn(-5);
  expect(await auth.token()).toBeNull();
  expect(await auth.renew()).toBeNull();
});

it("has the person sign in again where nothing was given to renew with, and asks nobody", async () => {
  answer = async () => renewed();
  expect(await signedIn(-5, "").token()).toBeNull();
  expect(fetched).toEqual([]);
});

it("keeps what a renewal brings, and the refresh token where none comes with it", async () => {
  answer = async () => renewed();
  expect(await signedIn(-5).token()).toBe("new");
  const kept = JSON.parse(store.getItem(KEY)!);
  expect(kept).toMatchObject({ access_token: "new", refresh_token: "r", scope: "openid email", profile: { sub: "ana" } });
});

it.each(["/oauth2/revoke", "/oauth2/token"])("keeps nothing of what %s answers after somebody has signed out", async (late) => {
  let say: (response: Response) => void = () => undefined;
  answer = (url) => (url.endsWith(late) ? new Promise((done) => (say = done)) : Promise.resolve(json(200, {})));
  const auth = signedIn(900);
  const renewal = late === "/oauth2/token" ? auth.renew().catch(() => null) : null;
  await vi.advanceTimersByTimeAsync(0);
  const out = auth.signOut();
  await vi.advanceTimersByTimeAsync(6_000); // Cognito is not waited for any longer
  await out;
  expect(store.length).toBe(0);
  say(late === "/oauth2/token" ? renewed() : json(200, {}));
  await vi.advanceTimersByTimeAsync(1_000);
  await renewal;
  expect(store.length).toBe(0);
  expect(fetched).toContain("https://sign-in/oauth2/revoke");
  expect(await auth.token()).toBeNull();
});

const nobody: Record<string, () => Promise<Response>> = {
  "no network": () => Promise.reject(new TypeError("Failed to fetch")),
  "nobody who answers": () => new Promise(() => undefined),
};
it.each(Object.keys(nobody))("a sign-in that meets %s says so in our words, within half a minute", async (case_) => {
  answer = nobody[case_]!;
  vi.stubGlobal("fetch", (url: string, { signal }: RequestInit) =>
    new Promise((done, fail) => {
      signal?.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError")));
      answer(url).then(done, fail);
    }),
  );
  const elsewhere = { cognito: { authority: "https://issuer", client_id: "page", redirect_uri: "https://page/" } } as Config;
  const refused = expect(createAuth(elsewhere, () => undefined, () => undefined).signIn()).rejects.toMatchObject({ code: "no_connection" });
  await vi.advanceTimersByTimeAsync(30_000);
  await refused;
});
