import { beforeEach, describe, expect, it, vi } from "vitest";
import { keyActions } from "../src/actions/keys";
import { hashOf, place } from "../src/actions/places";
import { ApiError, type Api } from "../src/api";
import { hasExpired, wish, withKey } from "../src/logic/keys";
import * as state from "../src/state";
import type { ApiKey } from "../src/types";
import * as made from "./made";
import { filesWith } from "./sources";

const key = (id: string, changes: Partial<ApiKey> = {}): ApiKey =>
  made.key({ id, name: `name of ${id}`, created_at: "2026-01-01T12:00:00.000Z", ...changes });
const SECRET = `fu_${"x".repeat(43)}`;

beforeEach(() => {
  state.keys.value = [];
  state.newKey.value = null;
  state.notices.value = [];
  state.keysKnown.value = false;
});

describe("a wish for a key", () => {
  it("reckons its expiry from the server's time", () => {
    const at = Date.parse("2026-01-01T12:00:00.000Z");
    expect(wish("  laptop ", "never", false, at)).toEqual({ name: "laptop", expires_at: null, can_create_keys: false });
    expect(wish("a", "30", true, at).expires_at).toBe("2026-01-31T12:00:00.000Z");
    expect(wish("a", "365", true, at)).toMatchObject({ expires_at: "2027-01-01T12:00:00.000Z", can_create_keys: true });
  });
});

describe("a key", () => {
  it("has expired from its moment on", () => {
    const at = Date.parse("2026-01-31T12:00:00.000Z");
    const one = key("key_1", { expires_at: "2026-01-31T12:00:00.000Z" });
    expect([hasExpired(one, at - 1), hasExpired(one, at)]).toEqual([false, true]);
    expect(hasExpired(key("key_1", { expires_at: null }), at)).toBe(false);
    expect(hasExpired(key("key_1"), at)).toBe(false);
  });

  it("is listed newest first, and once", () => {
    const list = withKey([key("key_3"), key("key_1")], key("key_2"));
    expect(withKey(list, key("key_2")).map((one) => one.id)).toEqual(["key_3", "key_2", "key_1"]);
  });

  it("has a place in the address", () => {
    expect(hashOf({ area: "keys", id: null })).toBe("#k");
    expect(place("#k")).toEqual({ area: "keys", id: null });
  });
});

describe("making one", () => {
  const made = { ...key("key_2"), key: SECRET };

  it("shows it until it is kept, and keeps its text nowhere else", async () => {
    const api = { createKey: vi.fn(async () => made) } as unknown as Api;
    const actions = keyActions(api);
    expect(await actions.create("laptop", "never", false)).toBe(true);
    expect(state.newKey.value?.key).toBe(SECRET);
    expect(JSON.stringify(state.keys.value)).not.toContain(SECRET);
    actions.forget();
    expect(state.newKey.value).toBeNull();
    expect(state.keys.value.map((one) => one.id)).toEqual(["key_2"]);
    expect(filesWith(/(local|session)Storage/).filter((name) => /key/i.test(name))).toEqual([]);
  });

  it("is not tried again where nobody answered: the list says whether it is there", async () => {
    const lost = vi.fn(async () => Promise.reject(new ApiError(0, "reset", "no_connection")));
    const api = { createKey: lost, keys: vi.fn(async () => [key("key_9")]) } as unknown as Api;
    expect(await keyActions(api).create("laptop", "never", false)).toBe(false);
    expect(lost).toHaveBeenCalledTimes(1);
    expect(state.keys.value.map((one) => one.id)).toEqual(["key_9"]);
    expect(state.notices.value).toHaveLength(1);
    expect(state.newKey.value).toBeNull();
  });

  it("is one at a time", async () => {
    let answer = (_: typeof made) => {};
    const slow = vi.fn(() => new Promise<typeof made>((done) => (answer = done)));
    const actions = keyActions({ createKey: slow } as unknown as Api);
    const first = actions.create("laptop", "never", false);
    expect(await actions.create("laptop", "never", false)).toBe(false);
    answer(made);
    expect(await first).toBe(true);
    expect(slow).toHaveBeenCalledTimes(1);
  });
});

describe("revoking one", () => {
  it("takes it from the list, and from view", async () => {
    state.keys.value = [key("key_2"), key("key_1")];
    state.newKey.value = { ...key("key_2"), key: SECRET };
    const revokeKey = vi.fn(async () => ({ id: "key_2", deleted: true, effective_within_seconds: 60 }));
    await keyActions({ revokeKey } as unknown as Api).revoke("key_2");
    expect(state.keys.value.map((one) => one.id)).toEqual(["key_1"]);
    expect(state.newKey.value).toBeNull();
    expect(state.said.value.at(-1)?.text).toContain("60");
  });

  it("asks for the list again where it failed", async () => {
    state.keys.value = [key("key_1")];
    const revokeKey = vi.fn(async () => Promise.reject(new ApiError(404, "no", "key_not_found")));
    const keys = vi.fn(async () => []);
    await keyActions({ revokeKey, keys } as unknown as Api).revoke("key_1");
    expect(state.keys.value).toEqual([]);
    expect(state.notices.value).toHaveLength(1);
    expect(state.revokingKey.value).toBeNull();
  });
});
