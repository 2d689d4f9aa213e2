import { describe, expect, it } from "vitest";
import { enSession } from "../src/i18n/en.session";
import { ptSession } from "../src/i18n/pt.session";
import { choose } from "../src/i18n";
import { figureOf, sourceOf, unitOf } from "../src/logic/sources";

const python = import.meta.glob<string>("../../src/foreverus/{spending,costs}/*.py", { query: "?raw", import: "default", eager: true });
const text = Object.values(python).join("\n");

describe("where a figure is from", () => {
  it.each([
    ["spot price history of us-east-1a", "histórico de preços spot de us-east-1a"],
    ["spot in us-east-1, observed 2026-11, somebody's page", "spot em us-east-1, observado em novembro de 2026, somebody's page"],
    ["on-demand in sa-east-1, published at an unknown date, yeo/ec2.shop", "sob demanda em sa-east-1, publicado em data desconhecida, yeo/ec2.shop"],
    ["g6.xlarge, on-demand in us-east-1, published 2026-11, x; the machine alone", "g6.xlarge, sob demanda em us-east-1, publicado em novembro de 2026, x; só a máquina"],
    ["Bedrock on-demand in us-east-1, published 2026-11-29, x", "Bedrock sob demanda em us-east-1, publicado em 29 de novembro de 2026, x"],
    ["spot in us-east-1, observed 2026-13, x", "spot em us-east-1, observado 2026-13, x"],
    ["learned from 7 sessions of this deployment", "aprendido com 7 sessões desta instalação"],
    ["this deployment's setting (SessionCapUsd): it is ended before it costs more", "configuração desta instalação (SessionCapUsd)"],
    ["a sentence of a later version", "a sentence of a later version"],
  ])("%s", async (source, words) => {
    await choose("pt", false);
    expect(sourceOf(source)).toBe(words);
    await choose("en", false);
    const dated = source.replace("2026-11-29", "on November 29, 2026").replace(/2026-11(?!-)/, "in November 2026");
    expect(sourceOf(source).startsWith(dated.split(":")[0]!)).toBe(true);
  });

  it("has words for every figure that is reckoned with, and for its unit", () => {
    const named = [...text.matchAll(/(?:Assumption|_rate|_with_disk|_first_word)\(\s*"(\w+)"/g), ...text.matchAll(/name(?:, \w+)? = "(\w+)"/g)];
    const names = new Set(named.map((found) => found[1]!));
    expect(names.size).toBeGreaterThan(15);
    for (const name of names) expect(Object.keys(ptSession), name).toContain(`assumption.${name}`);
    const units = [...text.matchAll(/^ {4}[A-Z_]+ = "([^"]+)"$/gm)].map((found) => found[1]!).filter((unit) => /^(US\$|seconds|tokens|GPUs)/.test(unit));
    expect(units.length).toBeGreaterThan(5);
    for (const unit of units) expect(Object.keys(enSession), unit).toContain(`unit.${unit.replaceAll(" ", "_")}`);
    expect(figureOf(0.2, "US$ a million tokens")).toBe("$0.20 a million tokens");
    expect([figureOf(0.526, "US$ an hour"), figureOf(0.01, "US$"), figureOf(452, "tokens a second")]).toEqual(["$0.526 an hour", "$0.01", "452 tokens a second"]);
    expect(unitOf("parsecs")).toBe("parsecs");
  });
});
