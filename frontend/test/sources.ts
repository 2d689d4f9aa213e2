/// <reference types="vite/client" />
/** The page's own source text, by its path in src/: for rules that one file keeps for all. */
const found = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });

export const SOURCES: readonly (readonly [string, string])[] = Object.entries(found).map(
  ([name, text]) => [name.slice("../src/".length), text] as const,
);

/** The files in which `pattern` stands. */
export const filesWith = (pattern: RegExp) => SOURCES.filter(([, text]) => pattern.test(text)).map(([name]) => name);
