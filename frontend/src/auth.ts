/**
 * Sign-in at Cognito's hosted page: authorization code with PKCE, refreshed with the refresh token.
 *
 * Tokens live in sessionStorage: they survive a reload and die with the tab. The endpoints are built from the hosted
 * domain, which spares a discovery request; without a domain the issuer's discovery document is read.
 */
import { UserManager, WebStorageStateStore, type User, type UserManagerSettings } from "oidc-client-ts";
import type { Config } from "./config";
import { forget, neverFromMemory, otherTabs } from "./leave";

const REVOKE_MS = 5_000; // how long somebody who signs out waits for Cognito
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
  signOut(): Promise<void>;
  /** An access token that is good for another minute; null: the person must sign in again. */
  token(): Promise<string | null>;
  renew(): Promise<string | null>;
}

export function settings(config: Config, home: string, store: Storage): UserManagerSettings {
  const { authority, client_id, domain } = config.cognito;
  return {
    authority,
    client_id,
    redirect_uri: home,
    response_type: "code",
    scope: SCOPE,
    loadUserInfo: false,
    monitorSession: false,
    automaticSilentRenew: false, // token() renews on use: one way is enough
    userStore: new WebStorageStateStore({ store, prefix: "foreverus." }),
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

/** `onLeave`: called first of all when somebody signs out, here or in another tab. */
export function createAuth(config: Config, onLeave: () => void): Auth {
  const home = `${location.origin}/`;
  const manager = new UserManager(settings(config, home, sessionStorage));

  let renewing: Promise<string | null> | undefined;
  let left = false;

  /** One renewal at a time, shared by all who need it. */
  function renew(): Promise<string | null> {
    if (left) return Promise.resolve(null);
    renewing ??= manager
      .signinSilent()
      .then(
        (user) => user?.access_token ?? null,
        () => null,
      )
      .finally(() => (renewing = undefined));
    return renewing;
  }

  /** The refresh token and all that came of it end at Cognito, and nothing stays here. A Cognito that does not answer
   * keeps nobody signed in here. */
  async function end(): Promise<void> {
    left = true;
    onLeave();
    await renewing; // else its tokens would be kept after all
    const revoked = manager.revokeTokens(["refresh_token"]).catch(() => undefined);
    await Promise.race([revoked, new Promise((done) => setTimeout(done, REVOKE_MS))]);
    await manager.removeUser();
    await forget();
  }

  const tabs = otherTabs(() => void end().then(() => location.replace("/")));
  neverFromMemory();

  return {
    async begin() {
      const query = new URLSearchParams(location.search);
      if (query.has("state") && (query.has("code") || query.has("error"))) {
        try {
          const user = await manager.signinRedirectCallback();
          history.replaceState(null, "", `/${typeof user.state === "string" ? user.state : ""}`);
          return person(user);
        } catch (error) {
          history.replaceState(null, "", "/");
          // A reload of a redirect that was already used is no failure for somebody who is signed in.
          const user = await manager.getUser();
          if (user && !user.expired) return person(user);
          throw error;
        }
      }
      const user = await manager.getUser();
      if (!user?.expired) return person(user);
      return (await renew()) ? person(await manager.getUser()) : null;
    },
    async signIn() {
      await manager.signinRedirect({ state: location.hash });
    },
    async signOut() {
      const endpoint = await manager.metadataService.getEndSessionEndpoint().catch(() => undefined);
      tabs.tell();
      await end();
      location.assign(endpoint ? logoutUrl(endpoint, config.cognito.client_id, home) : home);
    },
    async token() {
      const user = left ? null : await manager.getUser();
      if (!user) return null;
      return (user.expires_in ?? 0) > 60 ? user.access_token : ((await renew()) ?? null);
    },
    renew,
  };
}
