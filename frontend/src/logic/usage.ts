/** What was used, as `GET /usage` groups it, for a plot, a table and a spreadsheet. Pure. */
import { LOCALE, type Language } from "./format";
import type { UsagePart, UsageSum } from "../types";

export type GroupName = "day" | "backend" | "person" | "kind";

export type { UsagePart, UsageSum };
export type UsageGroup = UsageSum;

/** A day's column: tokens of each backend, in the order of BACKENDS. */
export interface Column {
  day: string;
  tokens: readonly number[];
}

export const BACKENDS = ["gpu", "bedrock", "sagemaker"] as const;

const tokens = (of: UsageSum) => of.prompt_tokens + of.completion_tokens;

/** All days from `from` to `to` (`2026-11-29`), those without any use too. */
export function columns(groups: readonly UsageGroup[], from: string, to: string): Column[] {
  const found: Column[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    const of = (backend: string) =>
      groups.filter((one) => one.day === day && one.backend === backend).reduce((all, one) => all + tokens(one), 0);
    found.push({ day, tokens: BACKENDS.map(of) });
  }
  return found;
}

/** Sums of the groups that have the same name: the most first, days in their order. */
export function by(name: GroupName, groups: readonly UsageGroup[]): (UsageSum & { name: string })[] {
  const sums = new Map<string, UsageSum & { name: string }>();
  for (const group of groups) {
    const key = group[name] ?? "";
    const had = sums.get(key);
    sums.set(key, had ? { name: key, ...added(had, group, name) } : { name: key, ...sum(group) });
  }
  const found = [...sums.values()];
  return name === "day" ? found.sort((a, b) => (a.name < b.name ? -1 : 1)) : found.sort((a, b) => tokens(b) - tokens(a));
}

function sum({ messages, prompt_tokens, completion_tokens, usd, if_gpu_usd, if_bedrock_usd, if_always_on_usd }: UsageSum): UsageSum {
  return { messages, prompt_tokens, completion_tokens, usd, if_gpu_usd, if_bedrock_usd, if_always_on_usd };
}

const plus = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);

/** A GPU that is always on costs its hours once, whatever it answered: of several groups of one day it is not added. */
function added(a: UsageSum, b: UsageSum, name: GroupName): UsageSum {
  return {
    messages: a.messages + b.messages,
    prompt_tokens: a.prompt_tokens + b.prompt_tokens,
    completion_tokens: a.completion_tokens + b.completion_tokens,
    usd: a.usd + b.usd,
    if_gpu_usd: plus(a.if_gpu_usd, b.if_gpu_usd),
    if_bedrock_usd: plus(a.if_bedrock_usd, b.if_bedrock_usd),
    if_always_on_usd: name === "day" ? a.if_always_on_usd : null,
  };
}

const COLUMNS = ["day", "backend", "person", "kind", "messages", "prompt_tokens", "completion_tokens", "usd", "if_gpu_usd", "if_bedrock_usd"] as const;

/** A cell that begins like a formula is none: spreadsheets would run it. */
function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(groups: readonly UsageGroup[]): string {
  const rows = groups.map((group) => COLUMNS.map((name) => cell(group[name])).join(","));
  return [COLUMNS.join(","), ...rows, ""].join("\r\n");
}

/** A day of UTC, `2026-11-29`, as people say it. */
export function dayName(day: string, language: Language): string {
  return new Intl.DateTimeFormat(LOCALE[language], { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(day));
}
