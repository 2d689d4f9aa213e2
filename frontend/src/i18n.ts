/** Every string that the page shows, in the language that is chosen: only that one is fetched, and of that first what is
 * said before anything is opened. */
import { effect, signal } from "@preact/signals";
import { isolated } from "./logic/bidi";
import { LOCALE, type Language } from "./logic/format";
import type { pt } from "./i18n/pt";
import type { ptLater } from "./i18n/pt.later";

type First = keyof typeof pt;
export type Key = First | keyof typeof ptLater;
type Words = Readonly<Record<Key, string>>;

const FETCH: Record<Language, () => Promise<Readonly<Record<First, string>>>> = {
  pt: () => import("./i18n/pt").then((file) => file.pt),
  en: () => import("./i18n/en").then((file) => file.en),
};

const FETCH_LATER: Record<Language, () => Promise<Readonly<Record<keyof typeof ptLater, string>>>> = {
  pt: () => import("./i18n/pt.later").then((file) => file.ptLater),
  en: () => import("./i18n/en.later").then((file) => file.enLater),
};

export const LANGUAGE = "foreverus.language";
/** What was chosen and the server has not been told (actions/preferences.ts). */
export const LANGUAGE_CHANGED = "foreverus.language.changed";

/** What was chosen here before, or the first of the browser's languages that we speak, or Portuguese. */
export function preferred(chosen: string | null, browser: readonly string[]): Language {
  for (const tag of [chosen ?? "", ...browser]) {
    const language = tag.slice(0, 2).toLowerCase();
    if (language === "pt" || language === "en") return language;
  }
  return "pt";
}

export const language = signal<Language>("pt");
const words = signal<Partial<Words> | null>(null);
/** Fetches, once, all words of the chosen language: nobody waits for them before something is opened. */
let fetchAll: () => Promise<void> = () => Promise.resolve();
let asked: Language | undefined;

/** Nothing can be said before it is done. */
export function startLanguage(): Promise<void> {
  effect(() => {
    document.documentElement.lang = LOCALE[language.value];
  });
  return choose(preferred(localStorage.getItem(LANGUAGE), navigator.languages), false);
}

/** The page changes its language when the words are here; the last choice counts, whichever words come first. */
export async function choose(next: Language, remember = true): Promise<void> {
  asked = next;
  const isFirst = words.value === null;
  const first = FETCH[next]();
  const put = (fetched: Partial<Words>) => {
    if (asked === next) words.value = { ...words.value, ...fetched };
  };
  let all: Promise<void> | undefined;
  fetchAll = () => {
    all ??= Promise.all([first, FETCH_LATER[next]()]).then(([some, others]) => put({ ...some, ...others }));
    all.catch(() => (all = undefined)); // the next who opens something tries again
    return all;
  };
  if (isFirst) put(await first);
  else await fetchAll(); // nothing that is shown goes blank
  if (asked !== next) return;
  if (remember) for (const name of [LANGUAGE, LANGUAGE_CHANGED]) localStorage.setItem(name, next);
  language.value = next;
}

/** Until a part of the page that comes later can be said: its words are fetched with the first one. Rejects where they
 * cannot be had. */
export async function allWords(): Promise<void> {
  await fetchAll();
}

/** `{name}` in the string is replaced by `values.name`; a text in it stays by itself, whichever way it is written. */
export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name] ?? whole;
    return typeof value === "string" ? isolated(value) : String(value);
  });
}

export function t(key: Key, values?: Record<string, string | number>): string {
  return fill(words.value?.[key] ?? "", values);
}

/** For keys that are made from what the server says: the string if there is one. */
export function known(prefix: string, name: string | null | undefined): string | undefined {
  return (words.value as Record<string, string> | null)?.[`${prefix}.${name ?? ""}`];
}
