/**
 * What a sign-in has brought, in a store: signed in at the hosted page, renewed with the refresh token, revoked.
 *
 * The protocol is oidc-client-ts's (`OidcClient`: PKCE, state, nonce, what is checked of a response). Its `UserManager`
 * does the same as this file, and brings pop-ups, frames and the watching of a session, which the page's policy forbids
 * anyway: 5 KB of what has to be there before somebody can type.
 */
import { OidcClient, User, WebStorageStateStore, type OidcClientSettings } from "oidc-client-ts";

const RENEWAL_S = 10;
const LATEST_S = 20; // else a browser waits for minutes, and who has clicked sees nothing

export interface TokenSettings extends OidcClientSettings {
  userStore: WebStorageStateStore;
}

export function createTokens(settings: TokenSettings) {
  const client = new OidcClient({ requestTimeoutInSeconds: LATEST_S, ...settings });
  const store = settings.userStore;
  const name = `user:${settings.authority}:${settings.client_id}`;

  async function kept(user: User): Promise<User> {
    await store.set(name, user.toStorageString());
    return user;
  }

  async function user(): Promise<User | null> {
    const found = await store.get(name);
    return found ? User.fromStorageString(found) : null;
  }

  return {
    metadata: client.metadataService,
    user,

    async forget(): Promise<void> {
      await store.remove(name);
    },

    /** Leaves the page for the hosted one, which gives `state` back. */
    async signIn(state: string): Promise<void> {
      const { url } = await client.createSigninRequest({ state, request_type: "si:r" });
      location.assign(url);
    },

    /** From the address that the hosted page has led back to. */
    async signedIn(url: string): Promise<User> {
      return kept(new User(await client.processSigninResponse(url, {})));
    },

    /** Null: nothing is there that could be renewed. */
    async renew(): Promise<User | null> {
      const before = await user();
      if (!before?.refresh_token) return null;
      const { refresh_token, id_token, session_state, scope, profile } = before;
      const state = { refresh_token, session_state, profile, ...(id_token && { id_token }), ...(scope && { scope }) };
      return kept(new User({ ...state, ...(await client.useRefreshToken({ state, timeoutInSeconds: RENEWAL_S })) }));
    },

    async revoke(): Promise<void> {
      const token = (await user())?.refresh_token;
      if (token) await client.revokeToken(token, "refresh_token");
    },
  };
}
