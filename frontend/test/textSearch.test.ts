import { beforeEach, expect, it, vi } from "vitest";
import { said, textSearch, titlesFound } from "../src/actions/textSearch";
import { ApiError } from "../src/api";
import * as state from "../src/state";
import type { ConversationList } from "../src/types";
import { conversation } from "./made";

const message = { id: "msg_1", role: "user" as const, earlier: false, snippet: [{ text: "mar", marked: true }] };
const hit = (id: string, inText = true) => conversation({ id, match: { title: null, message: inText ? message : null } });
const list = (...data: ReturnType<typeof hit>[]): ConversationList => ({ object: "list", data, has_more: false });

/** Waits end when the test says so. */
function clocked() {
  const waits: { ms: number; then: () => void }[] = [];
  return { waits, wait: (ms: number, then: () => void) => waits.push({ ms, then }) };
}

beforeEach(() => {
  state.sought.value = "";
  state.conversations.value = [];
  state.notices.value = [];
  said.value = { words: "", hits: [], state: "idle", why: null, more: false };
});

it("asks after a pause, or at once when somebody wants it, and for the same words only once", async () => {
  const find = vi.fn(async () => list(hit("con_1"), hit("con_2", false)));
  const { waits, wait } = clocked();
  const search = textSearch({ find }, wait);
  state.sought.value = "mar";
  expect(find).not.toHaveBeenCalled();
  waits.at(-1)!.then();
  await vi.waitFor(() => expect(said.value.state).toBe("idle"));
  expect(said.value.hits.map((one) => one.id)).toEqual(["con_1"]);
  search.now();
  expect(find).toHaveBeenCalledTimes(1);
  state.sought.value = "mares ";
  search.now();
  await vi.waitFor(() => expect(find).toHaveBeenLastCalledWith("mares", undefined));
  search.end();
});

it("shows nothing of words that are not looked for any more", async () => {
  let answer: (got: ConversationList) => void = () => undefined;
  const find = vi.fn(() => new Promise<ConversationList>((done) => (answer = done)));
  const search = textSearch({ find }, clocked().wait);
  state.sought.value = "mar";
  search.now();
  state.sought.value = "rio";
  answer(list(hit("con_1")));
  await Promise.resolve();
  expect(said.value.hits).toEqual([]);
  search.end();
});

it("asks again by itself while the database wakes, and not for ever", async () => {
  const find = vi.fn(async () => ({ ...list(), why: "database_waking" as const, retry_after_seconds: 15 }));
  const { waits, wait } = clocked();
  const search = textSearch({ find }, wait);
  state.sought.value = "mar";
  for (let i = 0; i < 20 && waits.length > i; i++) {
    waits[i]!.then();
    await vi.waitFor(() => expect(said.value.state).toBe("idle"));
  }
  expect(waits.slice(1).every((one) => one.ms === 15_000)).toBe(true);
  expect(find.mock.calls.length).toBe(6);
  search.end();
});

it("says that it failed, and asks anew when somebody wants it", async () => {
  const find = vi.fn(async () => list(hit("con_1")));
  find.mockRejectedValueOnce(new ApiError(503, "Busy"));
  const search = textSearch({ find }, clocked().wait);
  state.sought.value = "mar";
  search.now();
  await vi.waitFor(() => expect(said.value.state).toBe("failed"));
  search.now();
  await vi.waitFor(() => expect(said.value.hits.length).toBe(1));
  search.end();
});

it("goes on behind the last one", async () => {
  const find = vi.fn(async (_: string, after?: string) => ({ ...list(hit(after ? "con_1" : "con_2")), has_more: !after }));
  const search = textSearch({ find }, clocked().wait);
  state.sought.value = "mar";
  search.now();
  await vi.waitFor(() => expect(said.value.more).toBe(true));
  await search.more();
  expect(find).toHaveBeenLastCalledWith("mar", "con_2");
  expect(said.value.hits.map((one) => one.id)).toEqual(["con_2", "con_1"]);
  search.end();
});

const titled = (id: string) => conversation({ id, title: "Mar", match: { title: [{ text: "Mar", marked: true }], message: null } });

it("lists conversations whose titles the API has found, and asks once", async () => {
  state.conversations.value = [conversation({ id: "con_9", title: "Mar" })];
  state.olderConversations.value = "con_9";
  const find = vi.fn(async (_: string, after?: string) => ({ ...list(titled(after ? "con_1" : "con_2"), hit(after ? "con_0" : "con_3")), has_more: !after }));
  const search = textSearch({ find }, clocked().wait);
  state.sought.value = "mar";
  expect(titlesFound.value).toBe("older");
  search.now();
  await vi.waitFor(() => expect(titlesFound.value).toBe("some"));
  expect(find).toHaveBeenCalledTimes(1);
  expect(state.conversations.value.map((one) => [one.id, one.match])).toEqual([["con_9", undefined], ["con_2", undefined]]);
  await search.more();
  expect([titlesFound.value, find.mock.lastCall]).toEqual(["found", ["mar", "con_3"]]);
  expect(state.conversations.value.map((one) => one.id)).toEqual(["con_9", "con_2", "con_1"]);
  search.end();
});

it("says that older titles could not be searched, and asks once more when the line is back", async () => {
  state.olderConversations.value = "con_9";
  state.connection.value = "open";
  state.online.value = false;
  const find = vi.fn(async () => list(titled("con_2")));
  find.mockRejectedValueOnce(new ApiError(0, "", "no_connection"));
  const search = textSearch({ find }, clocked().wait);
  state.sought.value = "mar";
  search.now();
  await vi.waitFor(() => expect(titlesFound.value).toBe("broken"));
  state.online.value = true;
  await vi.waitFor(() => expect(titlesFound.value).toBe("found"));
  expect(find).toHaveBeenCalledTimes(2);
  search.end();
});

it("asks nobody about titles where all conversations are listed here", () => {
  state.olderConversations.value = null;
  state.sought.value = "mar";
  expect(titlesFound.value).toBe("found");
});
