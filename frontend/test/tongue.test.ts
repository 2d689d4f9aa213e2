import { expect, it } from "vitest";
import { tongueOf } from "../src/logic/tongue";
// 45 questions of Brazil's ENEM 2024: see local/data/README.md.
import enem from "../../local/data/enem2024_pt.jsonl?raw";
// MT-Bench's 80 questions of two turns: lm-sys/FastChat at commit 0e6d3e4, Apache-2.0.
import mtBench from "./mt_bench_en.jsonl?raw";

const turns = (jsonl: string) => jsonl.trim().split("\n").flatMap((line) => (JSON.parse(line) as { turns: string[] }).turns);
/** Whole ones and their first sentences, as answers begin. */
const texts = (jsonl: string) => turns(jsonl).flatMap((text) => [text, text.slice(0, 120)]);

it("tells real Portuguese from real English, never takes one for the other, and seldom does not know", () => {
  for (const [jsonl, other] of [[enem, "en"], [mtBench, "pt-BR"]] as const) {
    const found = texts(jsonl).map((text) => [tongueOf(text), text] as const);
    expect(found.length).toBeGreaterThan(80);
    expect(found.filter(([one]) => one === other)).toEqual([]);
    const unknown = found.filter(([one]) => one === undefined);
    expect(unknown.length / found.length, JSON.stringify(unknown)).toBeLessThan(0.1);
  }
});

it("says nothing of what is neither, both, too short or code", () => {
  const both = `${turns(enem)[0]} ${turns(mtBench)[0]} ${turns(mtBench)[1]} ${turns(mtBench)[2]}`;
  const code = "```python\nfor the in that: is_not = from_this(with_have)  # the and of which\n```";
  for (const text of ["", "42", "Olá!", "OK", "¿Dónde está la biblioteca?", "Guten Tag, wie geht es dir heute?", "数学", code, "`the` `of` `and`", "x = 1"]) {
    expect(tongueOf(text), text).toBeUndefined();
  }
  expect(tongueOf("Bonjour, je ne sais pas où se trouve la gare, mais nous pouvons la chercher.")).toBeUndefined();
  expect(tongueOf(both.slice(0, 1_000))).not.toBe("en");
});

it("looks at the words of people around code, in an answer that is not whole too", () => {
  expect(tongueOf("Aqui está o código que você pediu:\n```py\nwith the: of = that\n```\nEle não usa mais que uma linha.")).toBe("pt-BR");
  expect(tongueOf("This is what you asked for:\n```py\nde = para(uma, com)")).toBe("en");
  expect(tongueOf(`${"Isto não é uma frase em inglês. ".repeat(20_000)}`)).toBe("pt-BR");
});
