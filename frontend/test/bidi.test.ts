import { describe, expect, it } from "vitest";
import { fill, t } from "../src/i18n";
import { en } from "../src/i18n/en";
import { enLater } from "../src/i18n/en.later";
import { pt } from "../src/i18n/pt";
import { ptLater } from "../src/i18n/pt.later";
import { isolated } from "../src/logic/bidi";

const NAMES = [
  "\u202egpj.exe", // override, never closed
  "\u2067a\u2067b", // isolates, never closed
  "\u2069\u2069\u202efdp", // closes what it has not opened
  "a\u2069\u2068b\u202b\u2069\u202e",
  "שלום.pdf",
  "\u200fגרסה 2 (final)",
  "line\u202e\u2029next\nlast",
  "𐤀𐤁.txt",
];

/** What stands outside of every isolate, by the rule that finds an isolate's end (UAX #9, BD9 and BD8). */
function outside(text: string): string {
  let depth = 0;
  let found = "";
  for (const one of text) {
    if (/[\n\r\u2029\x85]/.test(one)) depth = 0;
    if (/[\u2066-\u2068]/.test(one)) depth += 1;
    else if (one === "\u2069") depth = Math.max(0, depth - 1);
    else if (depth === 0) found += one;
  }
  return found;
}

describe("a name in a sentence", () => {
  it("turns nothing of what stands around it, whatever it holds", () => {
    for (const name of NAMES) expect([name, outside(`before ${isolated(name)} after`)]).toEqual([name, "before  after"]);
  });

  it("is left as it is where nothing in it turns", () => {
    for (const name of ["", "relatório final (2).pdf", "日本語", "a\nb", "😀"]) expect(isolated(name)).toBe(name);
  });

  it("keeps what it says", () => {
    for (const name of NAMES) {
      const bare = (text: string) => text.replace(/[\u2066-\u2069]/g, "").replace(/[\n\u2029]/g, " ");
      expect(bare(isolated(name))).toBe(bare(name));
    }
  });

  it("is by itself in every string of both languages that has a blank", () => {
    const all = [...Object.values({ ...pt, ...ptLater }), ...Object.values({ ...en, ...enLater })].filter((one) => /\{\w+\}/.test(one));
    expect(all.length).toBeGreaterThan(100);
    for (const text of all) {
      const blanks = [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!);
      for (const name of NAMES) {
        const filled = fill(text, Object.fromEntries(blanks.map((one) => [one, name])));
        expect(outside(filled)).toBe(text.replace(/\{\w+\}/g, ""));
      }
    }
    expect(outside(t("keys.made", { name: NAMES[0]! }))).not.toContain("gpj");
  });
});
