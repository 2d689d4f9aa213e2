/** Every string that the page shows, in both languages, and the language that is chosen. */
import { computed, signal } from "@preact/signals";
import { LOCALE, type Language } from "./logic/format";
import { en } from "./i18n/en";
import { pt } from "./i18n/pt";

export type Key = keyof typeof pt;
export const LANGUAGES: Record<Language, Record<Key, string>> = { pt, en };

const CHOICE = "foreverus.language";

/** What was chosen here before, or the first of the browser's languages that we speak, or Portuguese. */
export function preferred(chosen: string | null, browser: readonly string[]): Language {
  for (const tag of [chosen ?? "", ...browser]) {
    const language = tag.slice(0, 2).toLowerCase();
    if (language === "pt" || language === "en") return language;
  }
  return "pt";
}

export const language = signal<Language>("pt");

export function startLanguage(): void {
  choose(preferred(localStorage.getItem(CHOICE), navigator.languages), false);
}

export function choose(next: Language, remember = true): void {
  language.value = next;
  document.documentElement.lang = LOCALE[next];
  if (remember) localStorage.setItem(CHOICE, next);
}

/** `{name}` in the string is replaced by `values.name`. */
export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const strings = computed(() => LANGUAGES[language.value]);

export function t(key: Key, values?: Record<string, string | number>): string {
  return fill(strings.value[key], values);
}

/** For keys that are made from what the server says: the string if there is one. */
export function known(prefix: string, name: string | null | undefined): string | undefined {
  return (strings.value as Record<string, string>)[`${prefix}.${name ?? ""}`];
}
