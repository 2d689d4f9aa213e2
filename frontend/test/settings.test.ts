import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curlLines, pythonLines } from "../src/logic/client";
import { named, readSettings, settingsOf } from "../src/logic/settings";
import { changesOf, settingsFrom, typedOf } from "../src/logic/settingsForm";
import { conversation } from "./made";

const NOTHING = { system: "", temperature: null, max_tokens: null, backend: null, memories: null, documents: null };

describe("settings", () => {
  it("are those of the conversation, and what is kept of a new one", () => {
    expect(settingsOf(undefined)).toEqual(NOTHING);
    expect(settingsOf(conversation({ system: "Brief.", temperature: 0 }))).toEqual({ ...NOTHING, system: "Brief.", temperature: 0 });
    expect(readSettings(JSON.stringify({ temperature: 0 }))).toEqual({ ...NOTHING, temperature: 0 });
    for (const broken of [undefined, "", "{", "null", "[]"]) expect(readSettings(broken)).toEqual(NOTHING);
    for (const of of ["memories", "documents"] as const) {
      expect(settingsOf(conversation({ [of]: true }))).toEqual(NOTHING);
      expect(named(settingsOf(conversation({ [of]: false })))).toEqual({ [of]: false });
      expect(settingsFrom({ ...typedOf(NOTHING, false), [of]: false }).settings).toEqual({ ...NOTHING, [of]: false });
    }
    expect(named({ ...NOTHING, temperature: 0, backend: "auto", memories: null })).toEqual({ temperature: 0, backend: "auto" });
  });

  it("are typed with a comma or a point, and empty is none", () => {
    const typed = typedOf({ ...NOTHING, temperature: 0.7, max_tokens: 200 }, true);
    expect(typed).toEqual({ system: "", temperature: "0,7", maxTokens: "200", backend: "", memories: true, documents: true });
    for (const temperature of ["0,7", "0.7", " 0.70 "]) expect(settingsFrom({ ...typed, temperature }).settings.temperature).toBe(0.7);
    expect(settingsFrom({ ...typed, temperature: "", maxTokens: " ", system: " \n" })).toEqual({ settings: NOTHING, problems: {} });
  });

  it("have bounds, which are the API's", () => {
    const typed = typedOf(NOTHING, false);
    for (const temperature of ["0", "2", "1.999"]) expect(settingsFrom({ ...typed, temperature }).problems).toEqual({});
    for (const temperature of ["2.1", "-1", "1e0", "0x1", "hot", "1,2,3", "NaN"]) {
      expect(settingsFrom({ ...typed, temperature }).problems, temperature).toEqual({ temperature: "settings.temperature.wrong" });
    }
    expect(settingsFrom({ ...typed, temperature: "1.1", backend: "bedrock" }).problems).toEqual({ temperature: "settings.temperature.bedrock" });
    for (const maxTokens of ["1", "32768"]) expect(settingsFrom({ ...typed, maxTokens }).problems).toEqual({});
    for (const maxTokens of ["0", "32769", "1.5", "ten"]) {
      expect(settingsFrom({ ...typed, maxTokens }).problems, maxTokens).toEqual({ maxTokens: "settings.tokens.wrong" });
    }
  });

  it("are sent where they are new, and null takes one back", () => {
    const before = { ...NOTHING, system: "Brief.", temperature: 1 };
    expect(changesOf(before, before)).toEqual({});
    expect(changesOf(before, { ...before, temperature: null, backend: "gpu" })).toEqual({ temperature: null, backend: "gpu" });
  });
});

describe("the lines that use a key", () => {
  const odd = [`Good morning, it's "me" \\ $HOME \`id\``, "Olá! Quem é você?"];

  it("are four each, and hold the stack's address, key and model", () => {
    for (const lines of [pythonLines, curlLines]) {
      const text = lines("https://x.example/v1", "fu_key", "mistral-7b", "Hi");
      expect(text.split("\n")).toHaveLength(4);
      for (const part of ["https://x.example/v1", "fu_key", "mistral-7b"]) expect(text).toContain(part);
    }
  });

  it("are whole words of a shell, whatever is asked", () => {
    for (const question of odd) {
      const text = curlLines("https://x.example/v1", "fu_key", "m'x", question).replace(/^curl/, "printf '%s\\n'");
      const words = execFileSync("sh", ["-c", text], { encoding: "utf8" }).trim().split("\n");
      expect(words).toHaveLength(7);
      expect(JSON.parse(words.at(-1)!)).toEqual({ model: "m'x", messages: [{ role: "user", content: question }] });
    }
  });
});
