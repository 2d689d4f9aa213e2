import { describe, expect, it } from "vitest";
import { fill, preferred } from "../src/i18n";
import { en as enFirst } from "../src/i18n/en";
import { enLater } from "../src/i18n/en.later";
import { pt as ptFirst } from "../src/i18n/pt";
import { ptLater } from "../src/i18n/pt.later";
import { backoffMs, LONGEST_MS } from "../src/logic/backoff";
import { about, duration, span, usd } from "../src/logic/format";
import { stillUnsent, titleFrom, type Unsent } from "../src/logic/outbox";
import type { Message } from "../src/types";

const pt = { ...ptFirst, ...ptLater };
const en = { ...enFirst, ...enLater };
const plain = (text: string) => text.replace(/\u00a0/g, " ");

describe("languages", () => {
  it("say each thing once, whether first or later", () => {
    for (const [first, later] of [[ptFirst, ptLater], [enFirst, enLater]] as const) {
      expect(Object.keys(first).filter((key) => key in later)).toEqual([]);
    }
  });

  it("have the same keys and the same blanks to fill", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(pt).sort());
    const blanks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const key of Object.keys(pt) as (keyof typeof pt)[]) {
      expect([key, blanks(en[key])]).toEqual([key, blanks(pt[key])]);
      expect(en[key].trim()).not.toBe("");
    }
  });

  it("say why a chat was refused or failed, in words of their own", () => {
    const python = import.meta.glob<string>(
      ["../../src/foreverus/choice/request.py", "../../src/foreverus/conversations/{replacing,bedrock/takeover}.py"],
      { query: "?raw", import: "default", eager: true },
    );
    const codes = Object.values(python).flatMap((text) =>
      [...text.matchAll(/code="(\w+)"|^ {4}[A-Z]+ = "(\w+)"/gm)].map((found) => found[1] ?? found[2]!),
    );
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes.filter((one) => one !== "unsupported_parameter")) { // that names the parameter
      expect(Object.keys(pt), code).toContain(`error.${code}`);
    }
  });

  it("name all that a deletion does not reach", () => {
    const python = import.meta.glob<string>("../../src/foreverus/privacy/kept.py", { query: "?raw", import: "default", eager: true });
    const places = Object.values(python).flatMap((text) => [...text.matchAll(/Kept\("([^"]+)"/g)].map((found) => found[1]!));
    expect(places.length).toBeGreaterThan(5);
    for (const place of places) expect(Object.keys(pt), place).toContain(`kept.${place}`);
  });

  it("are chosen by the person, then by the browser, then Portuguese", () => {
    expect(preferred("en", ["pt-BR"])).toBe("en");
    expect(preferred(null, ["fr-FR", "en-GB", "pt"])).toBe("en");
    expect(preferred(null, ["fr-FR"])).toBe("pt");
  });

  it("fill blanks, and leave alone what nobody fills", () => {
    expect(fill("{a} of {b}", { a: 1 })).toBe("1 of {b}");
  });
});

describe("formats", () => {
  it("write dollars as the language does, with the digits that matter", () => {
    expect(plain(usd(0.0061, "pt"))).toBe("US$ 0,0061");
    expect(usd(0.0061, "en")).toBe("$0.0061");
    expect(plain(usd(1234.5, "pt"))).toBe("US$ 1.234,50");
    expect(usd(0, "en")).toBe("$0.00");
    expect(usd(0.00002, "en")).toBe("< $0.0001"); // one answer on Bedrock
    expect(about(0.513, "en")).toBe("$0.51");
  });

  it("write durations", () => {
    expect([0, 45.9, 185, 3720].map(duration)).toEqual(["0 s", "45 s", "3 min 05 s", "1 h 02 min"]);
    expect([300, 7200, 3630, 0].map(span)).toEqual(["5 min", "2 h", "1 h", "0 s"]);
  });
});

it("waits longer after every failure, within bounds", () => {
  expect([0, 1, 2].map((n) => backoffMs(n, () => 0))).toEqual([250, 500, 1000]);
  expect([0, 1, 2].map((n) => backoffMs(n, () => 1))).toEqual([500, 1000, 2000]);
  expect(backoffMs(1000, () => 1)).toBe(LONGEST_MS);
});

describe("what was not sent", () => {
  it("is dropped once the server turns out to have it", () => {
    const item: Unsent = { key: "k", conversationId: "con_1", chain: "con_1", content: "Oi", at: 1, after: "05", triedAt: 1, state: "resending" };
    const asked = (id: string, content: string): Message => ({
      id,
      object: "message",
      conversation_id: "con_1",
      role: "user",
      content,
      status: "accepted",
      created_at: "",
    });
    expect(stillUnsent([item], "con_1", [asked("msg_05", "Oi")])).toEqual([item]); // an earlier question, same words
    expect(stillUnsent([item], "con_1", [asked("msg_06", "Olá")])).toEqual([item]);
    expect(stillUnsent([item], "con_2", [asked("msg_06", "Oi")])).toEqual([item]);
    expect(stillUnsent([item], "con_1", [asked("msg_06", "Oi")])).toEqual([]);
    const { triedAt: _, ...never } = item; // another device's question: this one never left
    expect(stillUnsent([never], "con_1", [asked("msg_06", "Oi")])).toEqual([never]);
  });

  it("gives a conversation its title", () => {
    expect(titleFrom("  Oi\nmais")).toBe("Oi");
    const title = titleFrom("uma pergunta muito comprida que não cabe de jeito nenhum em uma linha só");
    expect([...title].length).toBeLessThanOrEqual(60);
    expect(title).toMatch(/[a-zã]…$/);
  });
});
