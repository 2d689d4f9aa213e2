import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sentences } from "../src/logic/sentences";
import { Spoken } from "../src/logic/spoken";

const LANGUAGES = ["pt", "en"] as const;
/** Numbers that look random and are the same in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
}

const PIECES = [
  "Olá", "mundo", "Dr.", "Dra.", "e.g.", "3.14", "R$ 1.000,50", "No. 5", "art. 5º", "J. R. R.", "?", "!", "...", "…", "“Sim.”", "(ok.)", "\n", "\n\n", " ",
  "1. ", "2) ", "U.S.", "etc.", "A", "então", "The end.", "Fim.", "👩‍👩‍👧", "é", "e\u0301", "\u{1f600}", "palavra".repeat(30), "--", ";", ":", ",", "Sr. Silva", "\t", "中文。", "\ud83d",
];

function made(next: () => number): string {
  let text = "";
  for (let left = 1 + Math.floor(next() * 40); left > 0; left--) text += PIECES[Math.floor(next() * PIECES.length)]! + (next() < 0.6 ? " " : "");
  return text;
}

test("sentences joined are the text, whatever it is, with and without the browser's own way to part them", () => {
  const next = numbers(7);
  for (let round = 0; round < 1_000; round++) {
    const text = made(next);
    for (const language of LANGUAGES) {
      for (const found of [sentences(text, language), withoutSegmenter(() => sentences(text, language))]) {
        expect(found.join("")).toBe(text);
        expect(found.every((one) => one.length <= 600)).toBe(true);
      }
    }
  }
});

test.each([
  ["pt", "O Dr. Silva chegou. A Profa. Ana saiu.", ["O Dr. Silva chegou.", "A Profa. Ana saiu."]],
  ["pt", "Custa R$ 1.234,56 hoje. Amanhã, 3.14 vezes isso!", ["Custa R$ 1.234,56 hoje.", "Amanhã, 3.14 vezes isso!"]],
  ["pt", "Veja o art. 5 da lei, p. ex. Depois leia a pág. 12. Fim.", ["Veja o art. 5 da lei, p. ex. Depois leia a pág. 12.", "Fim."]],
  ["pt", "Moro na Av. Paulista. E você, Sra. Souza?", ["Moro na Av. Paulista.", "E você, Sra. Souza?"]],
  ["pt", "São maçãs, peras etc. Depois vem o resto.", ["São maçãs, peras etc.", "Depois vem o resto."]],
  ["pt", "Ele disse: “Não.” E saiu…", ["Ele disse: “Não.”", "E saiu…"]],
  ["en", "Dr. Smith met Mr. J. R. Jones. They spoke.", ["Dr. Smith met Mr. J. R. Jones.", "They spoke."]],
  ["en", "Pi is 3.14. See fig. 2 and No. 5! Why? Because.", ["Pi is 3.14.", "See fig. 2 and No. 5!", "Why?", "Because."]],
  ["en", "Use one, e.g. the first, i.e. Number one. Done.", ["Use one, e.g. the first, i.e. Number one.", "Done."]],
  ["en", "Wait... what? Version 2.0.1 is out.", ["Wait... what?", "Version 2.0.1 is out."]],
  ["en", "1. Take it. 2. Leave it.", ["1. Take it.", "2. Leave it."]],
] as const)("%s: %s", (language, text, parts) => {
  expect(sentences(text, language).map((one) => one.trim())).toEqual(parts);
  expect(withoutSegmenter(() => sentences(text, language)).map((one) => one.trim())).toEqual(parts);
});

function withoutSegmenter<T>(work: () => T): T {
  const kept = Intl.Segmenter;
  Reflect.deleteProperty(Intl, "Segmenter");
  try {
    return work();
  } finally {
    Object.defineProperty(Intl, "Segmenter", { value: kept, configurable: true, writable: true });
  }
}

function whole(text: string, language: "pt" | "en" = "en"): string[] {
  const stream = new Spoken(language);
  stream.feed(text, true);
  return taken(stream);
}

function taken(stream: Spoken, most = 0): string[] {
  const found: string[] = [];
  for (let one; (one = stream.take(most)) !== null; ) found.push(one);
  return found;
}

test.each([
  ["code is looked at", "Run this:\n\n```sh\nrm -rf .\n```\n\nThen **wait**. Use `ls`.", ["Run this:", "Then wait.", "Use ls."]],
  ["a table's cells", "| Name | Age |\n|---|---|\n| Ana | 9 |\n| Bia | |\n", ["Name, Age.", "Ana, 9.", "Bia."]],
  ["a link by its words", "See [the docs](https://example.com/a.b?c). Or https://example.org/x/y now.", ["See the docs.", "Or example.org now."]],
  ["a picture by what it shows", "![A cat](https://example.com/cat.png)", ["A cat."]],
  ["headings and lists", "# Title\n\n1. One\n2. Two\n   - a *b*\n", ["Title.", "1. One.", "2. Two.", "a b."]],
  ["a quote, a line", "> Be _brave_.\n\n---\n\nEnd", ["Be brave.", "End."]],
  ["formulas stay", "2 * 3 * 4 is 24 and a_b too", ["2 * 3 * 4 is 24 and a_b too."]],
  ["tasks", "- [x] done\n- [ ] open", ["done.", "open."]],
  ["nothing", "```\ncode\n```", []],
] as const)("%s", (_, text, said) => expect(whole(text)).toEqual(said));

const TEXTS = [
  "A queue is a line. The first is served first! Is that fair? Dr. Who says 3.14 times.",
  "Olá! **Primeira frase. Segunda** frase.\n\nVeja [o site](https://example.com/a). Fim.\n\n- um\n- dois. Três.\n\n```py\nx = 1. y\n```\n\nDepois do código. Tchau.",
  "| a | b |\n|---|---|\n| um. Dois | três |\n| x | y |\n\nE então. (Não) 12 a menos. “Sim.” Ok.",
  ...readFileSync("test/mt_bench_en.jsonl", "utf8").trim().split("\n").slice(0, 12).map((line) => (JSON.parse(line) as { turns: string[] }).turns.join("\n\n")),
];

const bare = (said: string[]) => said.join("").replace(/\s/g, "");

test("what is read of an answer as it comes is what is read of it when it is there, in the same order", () => {
  const next = numbers(3);
  for (const text of TEXTS) {
    const once = bare(whole(text));
    for (let round = 0; round < 12; round++) {
      const stream = new Spoken("en");
      const found: string[] = [];
      for (let at = 0; at < text.length; ) {
        at = Math.min(text.length, at + 1 + Math.floor(next() * 9));
        stream.feed(text.slice(0, at), false);
        found.push(...taken(stream, Math.floor(next() * 200)));
      }
      stream.feed(text, true);
      found.push(...taken(stream, 100));
      expect(stream.isEmpty).toBe(true);
      expect(bare(found)).toBe(once);
    }
  }
});

test("the first sentence is there when the next one begins, by itself, and short ones come together after it", () => {
  const stream = new Spoken("en");
  stream.feed("A queue is a line", false);
  expect(stream.take(200)).toBeNull();
  stream.feed("A queue is a line. The", false);
  expect(stream.take(200)).toBe("A queue is a line.");
  expect(stream.take(200)).toBeNull();
  stream.feed("A queue is a line. The first. Is served. First.", true);
  expect(stream.isEmpty).toBe(false);
  expect(stream.take(200)).toBe("The first. Is served. First.");
  expect(stream.isEmpty).toBe(true);
});
