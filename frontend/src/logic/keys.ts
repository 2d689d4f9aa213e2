/** What a person may ask of a new key, and what a key is at a moment. */
import type { KeyWish } from "../types";
import type { ApiKey } from "../types";

export const MOST_KEYS = 20; // of one person, as the server has it
export const NAME_CHARACTERS = 100;
export const REVOKED_WITHIN_S = 60; // so long API Gateway keeps what the authorizer said
const DAY_MS = 86_400_000;

export type Lifetime = "never" | "30" | "90" | "365";
export const LIFETIMES: readonly Lifetime[] = ["never", "30", "90", "365"];

/** `at`: the server's time in milliseconds. */
export function wish(name: string, lifetime: Lifetime, canCreateKeys: boolean, at: number): KeyWish {
  const expires = lifetime === "never" ? null : new Date(at + Number(lifetime) * DAY_MS).toISOString();
  return { name: name.trim(), expires_at: expires, can_create_keys: canCreateKeys };
}

export function hasExpired(key: ApiKey, at: number): boolean {
  return typeof key.expires_at === "string" && Date.parse(key.expires_at) <= at;
}

/** Newest first; ids sort by time. A key that was just made stands there before the list is asked for again. */
export function withKey(keys: readonly ApiKey[], made: ApiKey): ApiKey[] {
  return [made, ...keys.filter((key) => key.id !== made.id)].sort((a, b) => (a.id < b.id ? 1 : -1));
}
