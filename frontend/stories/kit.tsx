/** What the stories share: how one is made, and a page on which nobody hears what is clicked. */
import { h, type ComponentType, type VNode } from "preact";
import type { Quote } from "../src/types";
import { AT } from "../test/made";

export const NOW = Date.parse(AT) + 600_000;

/** `set`: what it needs of the page's state. `does`: what somebody does then, with what `find` waits for. */
export interface Story {
  set?: () => void;
  show: () => VNode;
  does?: (find: Find) => Promise<void>;
}
export type Find = (selector: string) => Promise<HTMLElement>;
export type Stories = Readonly<Record<string, Story>>;

/** Presses these one after the other, each when it is there. */
export const pressing = (...selectors: string[]) => async (find: Find) => {
  for (const one of selectors) (await find(one)).click();
};

/** Types into what is there. */
export const writing = (selector: string, text: string) => async (find: Find) => {
  const box = (await find(selector)) as HTMLInputElement;
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
};

/** One after the other. */
export const then = (...all: ((find: Find) => Promise<void>)[]) => async (find: Find) => {
  for (const one of all) await one(find);
};

/** Nobody hears what is clicked here. */
export const silent = new Proxy({}, { get: () => () => Promise.resolve(null) });
export const PAGE = { api: silent, conversations: silent, myData: silent };
export const EVERY = { actions: silent, chats: silent, lists: silent, myData: silent, quotes: silent, page: PAGE };
/** A part of the page whose actions are all of that kind. */
export const of = (Part: ComponentType<never>): VNode => h(Part as ComponentType<object>, EVERY);
export const after = (seconds: number) => new Date(Date.parse(AT) + seconds * 1000).toISOString();

const range = (expected: number) => ({ low: expected / 2, expected, high: expected * 2 });
export const RATE = { name: "gpu_tokens_per_second", low: 452, expected: 452, high: 452, unit: "tokens a second" as const, source: "learned from earlier batches of this deployment" };
export const QUOTE: Quote = {
  ...{ object: "quote", kind: "session", created_at: AT, work: { seconds_of_use: range(1_800), messages: range(20) } },
  backends: [
    { backend: "gpu", usd: range(0.3), seconds: range(2_100), first_word_seconds: range(300), beside_usd: null, why_not: null },
    { backend: "bedrock", usd: range(0.004), seconds: range(90), first_word_seconds: range(1), beside_usd: range(0.0004), why_not: null },
  ],
  auto: { backend: "bedrock", reason: "cheaper", text: "It costs less." },
  assumptions: [RATE],
  month: { left_usd: 14.7, monthly_cap_usd: 20 },
};
export const quoted = (quote: Quote) => ({ quote: () => Promise.resolve(quote) });

