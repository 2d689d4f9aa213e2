import { beforeAll, expect, it } from "vitest";
import { choose, language } from "../src/i18n";
import { addingUp, smallUsd, usd, usdOfAll, type Language } from "../src/logic/format";
import { costs, total } from "../src/logic/receipts";
import type { Receipt } from "../src/types";
import { receipt } from "./made";

const plain = (text: string) => text.replace(/\u00a0/g, " ");

it.each([
  [0.31, "$0.31", "US$ 0,31"],
  [0.3, "$0.30", "US$ 0,30"],
  [0.2078, "$0.2078", "US$ 0,2078"],
  [0.001, "$0.001", "US$ 0,001"],
  [0.99999, "$1.00", "US$ 1,00"],
  [1.005, "$1.00", "US$ 1,00"],
  [12.4, "$12.40", "US$ 12,40"],
])("writes %s as people do", (amount, en, pt) => {
  expect(usd(amount, "en")).toBe(en);
  expect(plain(usd(amount, "pt"))).toBe(pt);
});

it("writes what an answer cost with two digits of it", () => {
  expect([0.3, 0.00021, 0.0002, 0.0456, 2].map((one) => smallUsd(one, "en"))).toEqual(["$0.30", "$0.00021", "$0.0002", "$0.046", "$2.00"]);
});

/** The same numbers on each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => ((state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648);
}

const NAMES = ["gpu_usd", "storage_usd", "address_usd", "database_usd", "bedrock_usd"] as const;
const micro = (sum: number) => Math.round(sum * 1e6) / 1e6;

/** As the server makes them: each sum is rounded to a millionth by itself. */
function made(chance: () => number): Receipt {
  const size = 10 ** (chance() * 8 - 6); // from a millionth of a dollar to a hundred
  const exact = NAMES.map(() => (chance() < 0.2 ? 0 : chance() * size));
  const parts = Object.fromEntries(NAMES.map((name, i) => [name, micro(exact[i]!)]));
  return receipt({ ...parts, bedrock_messages: chance() < 0.5 ? 0 : 3, total_usd: micro(exact.reduce((all, one) => all + one, 0)) });
}

/** What somebody reads, in ten-thousandths of a dollar; "less than one" counts as none. */
function read(text: string, language: Language): number {
  if (text.startsWith("<")) return 0;
  const digits = plain(text).replace(language === "pt" ? /[^\d,]/g : /[^\d.]/g, "").replace(",", ".");
  return Math.round(Number(digits) * 10_000);
}

beforeAll(() => choose("pt", false));

it.each(["pt", "en"] as const)("shows lines of a receipt that add up to the total that is shown (%s)", async (tag) => {
  await choose(tag, false);
  expect(language.value).toBe(tag);
  const chance = numbers(7);
  for (let n = 0; n < 4_000; n++) {
    const one = made(chance);
    const lines = costs(one).map(([, text]) => text);
    const sum = lines.reduce((all, text) => all + read(text, tag), 0);
    expect([n, lines, sum]).toEqual([n, lines, read(total(one), tag)]);
    for (const text of [...lines, total(one)]) expect(plain(text)).toMatch(/^(< )?(US)?\$ ?[\d.,]*[.,](\d\d|\d{3}|\d{3}[1-9])$/);
    for (const text of lines) expect(plain(text)).not.toMatch(/[.,]\d\d\d?0$/);
  }
});

it("leaves sums alone that are less than what is shown", () => {
  expect(addingUp([0.00002, 0.00003], 0.00005)).toEqual([0.00002, 0.00003]);
});

it.each(["pt", "en"] as const)("shows what sessions cost together as the sums above it add up to (%s)", (tag) => {
  const chance = numbers(11);
  for (let n = 0; n < 2_000; n++) {
    const all = Array.from({ length: 8 }, () => (chance() < 0.2 ? 0 : micro(chance() * 10 ** (chance() * 7 - 5))));
    const shown = all.map((one) => read(usd(one, tag), tag)).reduce((a, b) => a + b, 0);
    expect([n, all, read(usdOfAll(all, tag), tag)]).toEqual([n, all, shown]);
  }
  expect(plain(usdOfAll([0.00002, 0.00003], "en"))).toBe("< $0.0001");
  expect(usdOfAll([0.2256, 1.5], "en")).toBe("$1.7256");
  expect(usdOfAll([], "en")).toBe("$0.00");
});
