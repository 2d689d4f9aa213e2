import { describe, expect, it } from "vitest";
import { fill, LANGUAGES, preferred } from "../src/i18n";
import { backoffMs, LONGEST_MS } from "../src/logic/backoff";
import { about, duration, span, usd } from "../src/logic/format";
import { restore, save, stillUnsent, titleFrom, type Saved, type Unsent } from "../src/logic/outbox";
import type { Message } from "../src/types";

const plain = (text: string) => text.replace(/\u00a0/g, " ");

describe("languages", () => {
  it("have the same keys and the same blanks to fill", () => {
    const { pt, en } = LANGUAGES;
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
      expect(Object.keys(LANGUAGES.pt), code).toContain(`error.${code}`);
    }
  });

  it("name all that a deletion does not reach", () => {
    const python = import.meta.glob<string>("../../src/foreverus/privacy/kept.py", { query: "?raw", import: "default", eager: true });
    const places = Object.values(python).flatMap((text) => [...text.matchAll(/Kept\("([^"]+)"/g)].map((found) => found[1]!));
    expect(places.length).toBeGreaterThan(5);
    for (const place of places) expect(Object.keys(LANGUAGES.pt), place).toContain(`kept.${place}`);
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
  const store = () => {
    const kept = new Map<string, string>();
    return {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
      kept,
    } as unknown as Storage & { kept: Map<string, string> };
  };

  it("survives a reload under the same key, for the same person only", () => {
    const place = store();
    const saved: Saved = {
      outbox: [{ key: "k1", conversationId: "con_1", content: "Oi", state: "sending" }],
      drafts: { new: "rascunho", con_1: "" },
    };
    save(place, "ana", saved);
    expect(restore(place, "ana")).toEqual({
      outbox: [{ key: "k1", conversationId: "con_1", content: "Oi", state: "failed", error: "" }],
      drafts: { new: "rascunho" },
    });
    expect(restore(place, "bia")).toEqual({ outbox: [], drafts: {} });
    save(place, "ana", { outbox: [], drafts: { new: "" } });
    expect(place.kept.size).toBe(0);
  });

  it("is dropped once the server turns out to have it", () => {
    const item: Unsent = { key: "k", conversationId: "con_1", content: "Oi", after: "05", state: "resending" };
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
  });

  it("gives a conversation its title", () => {
    expect(titleFrom("  Oi\nmais")).toBe("Oi");
    const title = titleFrom("uma pergunta muito comprida que não cabe de jeito nenhum em uma linha só");
    expect([...title].length).toBeLessThanOrEqual(60);
    expect(title).toMatch(/[a-zã]…$/);
  });
});
