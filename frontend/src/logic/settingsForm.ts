/** The settings of a conversation as they are typed. Pure. */
import type { BackendChoice } from "../types";
import type { Settings } from "./settings";

export const SYSTEM_CHARACTERS = 4000;
export const NAME_CHARACTERS = 80;
export const USUAL_ANSWER_TOKENS = 1024; // where nothing else is asked for
const MOST_ANSWER_TOKENS = 32_768;
const MOST_TEMPERATURE = 2;
const BEDROCK_TEMPERATURE = 1;

export interface Typed {
  system: string;
  temperature: string;
  maxTokens: string;
  /** Empty: as the person prefers. */
  backend: BackendChoice | "";
  /** Its answers know what is remembered. */
  memories: boolean;
  /** They are given passages of documents that fit. */
  documents: boolean;
}

export type Problem = "settings.temperature.wrong" | "settings.temperature.bedrock" | "settings.tokens.wrong";

export function typedOf(settings: Settings, comma: boolean): Typed {
  const shown = settings.temperature === null ? "" : String(settings.temperature);
  return {
    system: settings.system,
    temperature: comma ? shown.replace(".", ",") : shown,
    maxTokens: settings.max_tokens === null ? "" : String(settings.max_tokens),
    backend: settings.backend ?? "",
    memories: settings.memories !== false,
    documents: settings.documents !== false,
  };
}

/** As people write numbers, with a comma or a point; null: nothing; NaN: no number. */
function read(text: string): number | null {
  const plain = text.trim().replace(",", ".");
  if (plain === "") return null;
  return /^\d+(?:\.\d+)?$/.test(plain) ? Number(plain) : NaN;
}

/** `problems`: by field. Without any, `settings` are what the API takes. */
export function settingsFrom(typed: Typed): { settings: Settings; problems: { temperature?: Problem; maxTokens?: Problem } } {
  const [temperature, tokens] = [read(typed.temperature), read(typed.maxTokens)];
  const problems: { temperature?: Problem; maxTokens?: Problem } = {};
  if (temperature !== null) {
    if (!(temperature <= MOST_TEMPERATURE)) problems.temperature = "settings.temperature.wrong";
    else if (typed.backend === "bedrock" && temperature > BEDROCK_TEMPERATURE) problems.temperature = "settings.temperature.bedrock";
  }
  if (tokens !== null && !(Number.isInteger(tokens) && tokens >= 1 && tokens <= MOST_ANSWER_TOKENS)) {
    problems.maxTokens = "settings.tokens.wrong";
  }
  const system = typed.system.trim() === "" ? "" : typed.system;
  return { settings: { system, temperature, max_tokens: tokens, backend: typed.backend || null, memories: typed.memories ? null : false, documents: typed.documents ? null : false }, problems };
}

/** What of them is new; null takes one back. */
export function changesOf(before: Settings, after: Settings): Partial<Settings> {
  return Object.fromEntries(
    Object.entries(after).filter(([name, value]) => before[name as keyof Settings] !== value),
  );
}
