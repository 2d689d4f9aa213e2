/**
 * Sign-in at Cognito's hosted page: authorization code with PKCE, refreshed with the refresh token.
 *
 * Tokens live in sessionStorage: they survive a reload and die with the tab. The endpoints are built from the hosted
 * domain, which spares a discovery request; without a domain the issuer's discovery document is read.
 */
import { ErrorResponse, ErrorTimeout, WebStorageStateStore, type User } from "oidc-client-ts";
import { ApiError } from "./api";
import type { Config } from "./config";
import { forget, neverFromMemory, otherTabs } from "./leave";
import { createTokens, type TokenSettings } from "./tokens";

const REVOKE_MS = 5_000; // how long somebody who signs out waits for Cognito
const AGAIN_MS = 2_000;
/** Not aws.cognito.signin.user.admin: a token of this page says who somebody is and changes nothing of their account. */
const SCOPE = "openid email";

export interface Person {
  id: string;
  name: string;
}

export interface Auth {
  /** Finishes a sign-in if this page load is its redirect, and says who is signed in. */
  begin(): Promise<Person | null>;
  signIn(): Promise<void>;
  /** Calls `then` where somebody is signed in in another tab. */
  likeOthers(then: () => void): void;
  signOut(): Promise<void>;
  /** An access token that is good for another minute; null: the person must sign in again. Rejects, with what is worth
   * another try, while nobody can be asked for one: a laptop that was closed for a while wakes before its network. */
  token(): Promise<string | null>;
  /** Likewise, but always a new one. */
  renew(): Promise<string | null>;
}

/** Keeps nothing any more once the person has left, whoever is still about to. */
class StoreUntilLeft extends WebStorageStateStore {
  constructor(
    store: Storage,
    private readonly left: () => boolean,
  ) {
    super({ store, prefix: "foreverus." });
  }
  override async set(key: string, value: string): Promise<void> {
    if (!this.left()) await super.set(key, value);
  }
}

export function settings(config: Config, home: string, store: Storage, left = () => false): TokenSettings {
  const { authority, client_id, domain } = config.cognito;
  return {
    authority,
    client_id,
    redirect_uri: home,
    response_type: "code",
    scope: SCOPE,
    loadUserInfo: false,
    userStore: new StoreUntilLeft(store, left),
    stateStore: new WebStorageStateStore({ store, prefix: "foreverus." }),
    ...(domain
      ? {
          metadata: {
            issuer: authority,
            authorization_endpoint: `${domain}/oauth2/authorize`,
            token_endpoint: `${domain}/oauth2/token`,
            end_session_endpoint: `${domain}/logout`,
            revocation_endpoint: `${domain}/oauth2/revoke`,
          },
        }
      : {}),
  };
}

/** Cognito's own way of signing out: it knows no post_logout_redirect_uri. */
export function logoutUrl(endpoint: string, clientId: string, home: string): string {
  return `${endpoint}?${new URLSearchParams({ client_id: clientId, logout_uri: home })}`;
}

function person(user: User | null): Person | null {
  if (!user) return null;
  const profile = user.profile as Record<string, unknown>;
  const name = profile["email"] ?? profile["cognito:username"] ?? profile["preferred_username"] ?? user.profile.sub;
  return { id: user.profile.sub, name: String(name) };
}

/** Whether Cognito itself has said no. Anything else (no network, a server that fails or is busy) passes. */
function isRefusal(error: unknown): boolean {
  return error instanceof ErrorResponse && !["server_error", "temporarily_unavailable"].includes(error.error ?? "");
}

/** Where nobody could be asked, our words for it: a browser's own are in English, and help nobody. */
function inOurWords(error: unknown): unknown {
  const unreached = error instanceof TypeError || error instanceof ErrorTimeout;
  return unreached ? new ApiError(0, error.message, "no_connection") : error;
}

/** `onLeave`: called first of all when somebody signs out, here or in another tab. `onHeld`: they have, and the page stays
 * until the sign-in can be reached: the browser would show an error of its own. */
export function createAuth(config: Config, onLeave: () => void, onHeld: () => void): Auth {
  const home = `${location.origin}/`;
  let renewing: Promise<string | null> | undefined;
  let left = false;
  let owed: string | undefined;
  const tokens = createTokens(settings(config, home, sessionStorage, () => left));

  /** One renewal at a time, shared by all who need it. */
  function renew(): Promise<string | null> {
    if (left) return Promise.resolve(null);
    renewing ??= tokens
      .renew()
      .then(
        (user) => user?.access_token ?? null,
        (error: unknown) => {
          if (isRefusal(error)) return null;
          throw new ApiError(0, error instanceof Error ? error.message : String(error), "no_connection");
        },
      )
      .finally(() => (renewing = undefined));
    return renewing;
  }

  /** The refresh token and all that came of it end at Cognito, and nothing stays here. A Cognito that does not answer
   * keeps nobody signed in here, nor does one that answers late. False: it did not answer. */
  async function end(): Promise<boolean> {
    left = true;
    onLeave();
    owed = (await tokens.user())?.refresh_token;
    const revoked = tokens.revoke().then(() => navigator.onLine !== false, () => false);
    const answered = await Promise.race([revoked, new Promise<boolean>((done) => setTimeout(done, REVOKE_MS, false))]);
    await tokens.forget();
    await forget();
    if (answered) owed = undefined;
    return answered;
  }

  /** Of a refresh token that could not be revoked, now that there is somebody: this page alone still knows it, and the
   * browser keeps it nowhere. */
  async function revokeOwed(): Promise<void> {
    const endpoint = await tokens.metadata.getRevocationEndpoint().catch(() => undefined);
    if (!owed || !endpoint) return;
    const body = new URLSearchParams({ token: owed, token_type_hint: "refresh_token", client_id: config.cognito.client_id });
    owed = undefined;
    await fetch(endpoint, { method: "POST", body, signal: AbortSignal.timeout(REVOKE_MS) }).catch(() => undefined);
  }

  /** Leaves the page for `address` as soon as there is somebody. */
  async function leaveFor(address: string, answered: boolean, go: (address: string) => void): Promise<void> {
    let tried = 0;
    for (; !answered; tried++) {
      if (tried === 1) onHeld();
      if (tried > 0) await new Promise((done) => setTimeout(done, AGAIN_MS));
      const asked = fetch(new URL("/", address).href, { mode: "no-cors", cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(REVOKE_MS) });
      answered = await asked.then(() => true, () => false);
    }
    if (tried > 1) await revokeOwed(); // there was nobody before
    go(address);
  }

  let isIn = false;
  const tabs = otherTabs(() => void end().then((answered) => leaveFor(home, answered, (to) => location.replace(to))), () => isIn && !left);
  neverFromMemory();

  /** Finishes a sign-in if this page load is its redirect. */
  async function begun(): Promise<Person | null> {
    const query = new URLSearchParams(location.search);
    if (query.has("state") && (query.has("code") || query.has("error"))) {
      try {
        const user = await tokens.signedIn(location.href);
        history.replaceState(null, "", `/${typeof user.state === "string" ? user.state : ""}`);
        return person(user);
      } catch (error) {
        history.replaceState(null, "", "/");
        // A reload of a redirect that was already used is no failure for somebody who is signed in.
        const user = await tokens.user();
        if (user && !user.expired) return person(user);
        throw inOurWords(error);
      }
    }
    const user = await tokens.user();
    if (!user?.expired) return person(user);
    try {
      return (await renew()) ? person(await tokens.user()) : null;
    } catch (error) {
      // Nobody could be asked: who was signed in is shown what is known, and is asked for when the line is back.
      if (error instanceof ApiError && error.passing) return person(user);
      throw error;
    }
  }

  return {
    async begin() {
      const found = await begun();
      isIn = found !== null;
      return found;
    },
    likeOthers(then) {
      tabs.ask(then);
    },
    async signIn() {
      await tokens.signIn(location.hash).catch((error: unknown) => Promise.reject(inOurWords(error)));
    },
    async signOut() {
      const endpoint = await tokens.metadata.getEndSessionEndpoint().catch(() => undefined);
      tabs.tell();
      await leaveFor(endpoint ? logoutUrl(endpoint, config.cognito.client_id, home) : home, await end(), (to) => location.assign(to));
    },
    async token() {
      const user = left ? null : await tokens.user();
      if (!user) {
        // Somebody who reads what this device has kept: nobody can be asked who they are.
        if (!left && navigator.onLine === false) throw new ApiError(0, "", "no_connection");
        return null;
      }
      const seconds = user.expires_in ?? 0;
      if (seconds > 60) return user.access_token;
      try {
        return await renew();
      } catch (error) {
        if (seconds > 0) return user.access_token; // still good, if only just
        throw error;
      }
    },
    renew,
  };
}
