import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { typed } from "../src/actions/behind";
import { isGone, keepTyped } from "../src/actions/typed";
import { clock } from "../src/logic/clock";
import type { Unsent } from "../src/logic/outbox";
import * as state from "../src/state";
import { Store } from "./store";

const DAY_MS = 24 * 3_600_000;
const item = (key: string, more: Partial<Unsent> = {}): Unsent => ({ key, conversationId: "con_1", chain: "con_1", content: key, at: clock.now(), state: "waiting", ...more });

let store: Store;
let hear: (event: unknown) => void;
let events: Record<string, typeof hear>;
let seen: { hidden: boolean; hasFocus: () => boolean; addEventListener: unknown; removeEventListener: unknown };
let focus: boolean;
let ends: (() => void)[];
const takeOver = vi.fn();
const sent = vi.fn();

function tab(person = "ana"): void {
  ends.push(keepTyped(person, { sends: takeOver, sent }));
}

beforeEach(() => {
  store = new Store();
  focus = true;
  ends = [];
  takeOver.mockClear();
  state.outbox.value = [];
  state.drafts.value = {};
  vi.stubGlobal("localStorage", store);
  events = {};
  hear = (event) => events.storage!(event);
  const addEventListener = (name: string, by: typeof hear) => (events[name] = by);
  vi.stubGlobal("window", { addEventListener, removeEventListener: () => undefined });
  // Nobody sees it: what is typed is written at once.
  seen = { hidden: true, hasFocus: () => focus, addEventListener, removeEventListener: () => undefined };
  vi.stubGlobal("document", seen);
});
afterEach(() => {
  for (const end of ends) end();
  vi.unstubAllGlobals();
});

it("is there after a reload, for the same person only, and leaves nothing where nothing is", () => {
  tab();
  state.outbox.value = [item("a"), item("b", { state: "sending" }), item("c", { state: "failed", error: "why" })];
  state.drafts.value = { new: "rascunho", con_1: "" };
  ends.pop()!();
  state.outbox.value = [];
  state.drafts.value = {};
  tab("bia");
  expect([state.outbox.value, state.drafts.value]).toEqual([[], {}]);
  ends.pop()!();
  tab();
  expect(state.outbox.value.map((one) => [one.key, one.state])).toEqual([["a", "waiting"], ["b", "waiting"], ["c", "failed"]]);
  expect(state.drafts.value).toEqual({ new: "rascunho" });
  state.outbox.value = [];
  state.drafts.value = { new: "" };
  expect(store.length).toBe(0);
});

it("two tabs write beside each other, and see each other's", () => {
  tab();
  state.outbox.value = [item("a")];
  const key = `${[...Object.keys(store.all())][0]!.slice(0, -1)}b`;
  const theirs = item("b", { state: "sending", chain: "n", conversationId: null });
  store.setItem(key, JSON.stringify(theirs));
  hear({ key, newValue: JSON.stringify(theirs) });
  expect(state.outbox.value.map((one) => one.key)).toEqual(["a", "b"]);
  expect(takeOver).toHaveBeenCalledWith("n");
  hear({ key, newValue: JSON.stringify({ ...theirs, state: "waiting" }) });
  expect(takeOver).toHaveBeenCalledTimes(1);
  hear({ key, newValue: JSON.stringify({ ...theirs, conversationId: "con_2" }) });
  expect(sent).not.toHaveBeenCalled();
  hear({ key, newValue: null }); // it was sent
  expect(sent).toHaveBeenCalledWith("con_2");
  expect(state.outbox.value.map((one) => one.key)).toEqual(["a"]);
  expect(store.length).toBe(1);
});

it("a key is shown before it is written, a few times a second, and at the latest when the page is left", () => {
  vi.useFakeTimers({ now: 0 });
  const frames: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (work: () => void) => frames.push(work));
  const type = (text: string) => {
    typed();
    state.drafts.value = { new: text };
  };
  const show = () => {
    frames.splice(0).forEach((work) => work());
    vi.advanceTimersByTime(0);
  };
  seen.hidden = false;
  tab();
  const written = () => Object.values(store.all()).map((one) => (JSON.parse(one as string) as { text: string }).text);
  type("a");
  type("ab");
  expect([written(), frames.length]).toEqual([[], 1]);
  show();
  expect(written()).toEqual(["ab"]);
  vi.advanceTimersByTime(100);
  type("abc");
  show();
  expect(written()).toEqual(["ab"]); // it was a moment ago
  vi.advanceTimersByTime(150);
  type("abcd");
  show();
  expect(written()).toEqual(["abcd"]);
  type("abcde");
  vi.advanceTimersByTime(500); // without a frame
  expect(written()).toEqual(["abcde"]);
  show();
  state.drafts.value = { new: "abcdef" };
  events.pagehide!({});
  expect(written()).toEqual(["abcdef"]);
  state.drafts.value = { new: "" }; // sent
  expect(written()).toEqual([]);
  type("next");
  ends.pop()!(); // signed out: nothing of theirs is written any more
  show();
  vi.runAllTimers();
  expect(written()).toEqual([]);
  vi.useRealTimers();
});

it("what another tab has typed is not written back: it may have typed more by then", () => {
  tab();
  state.drafts.value = { new: "mine" };
  const [key] = Object.keys(store.all());
  focus = false;
  store.setItem(key!, JSON.stringify({ text: "theirs, and more", at: clock.now() }));
  hear({ storageArea: store, key, newValue: JSON.stringify({ text: "theirs", at: clock.now() }) });
  expect(state.drafts.value).toEqual({ new: "theirs" });
  expect(store.getItem(key!)).toContain("theirs, and more");
});

it("a draft of another tab is shown where nobody types", () => {
  tab();
  const said = (text: string) => ({ key: "foreverus.typed.ana.d.new", newValue: JSON.stringify({ text, at: 1 }) });
  hear(said("theirs"));
  expect(state.drafts.value).toEqual({});
  focus = false;
  hear(said("theirs"));
  expect(state.drafts.value).toEqual({ new: "theirs" });
  hear({ key: "foreverus.typed.bia.d.new", newValue: "{}" });
  hear({ key: null, newValue: null });
  expect(state.drafts.value).toEqual({ new: "theirs" });
});

it("what others have left is kept for a week", () => {
  tab("bia");
  state.drafts.value = { new: "old" };
  state.outbox.value = [item("a", { at: clock.now() - 8 * DAY_MS }), item("b", { at: clock.now() })];
  ends.pop()!();
  state.outbox.value = [];
  tab("ana");
  expect(Object.keys(store.all()).sort()).toEqual(["foreverus.typed.bia.d.new", "foreverus.typed.bia.m.b"]);
});

it.each(["{", "null", "3"])("goes on beside an entry that is %s", (broken) => {
  store.setItem("foreverus.typed.ana.m.x", broken);
  store.setItem("foreverus.typed.ana.d.new", broken);
  store.setItem("foreverus.typed.bia.m.x", broken);
  tab();
  expect([state.outbox.value, state.drafts.value]).toEqual([[], {}]);
});

it("knows that another tab has dealt with one before the event comes", () => {
  tab();
  state.outbox.value = [item("a")];
  expect([isGone("a"), isGone("never kept")]).toEqual([false, false]);
  store.clear();
  expect([isGone("a"), isGone("never kept")]).toEqual([true, false]);
});

it("a store that takes nothing loses nothing that is on the page", () => {
  tab();
  store.full = true;
  state.outbox.value = [item("a")];
  expect(state.outbox.value).toHaveLength(1);
  expect(isGone("a")).toBe(false);
});
