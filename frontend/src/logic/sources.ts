/** Where a figure is from, in the person's language: the API says it in English sentences of a few kinds. */
import { known, language, t, type Key } from "../i18n";
import { LOCALE, number, usd } from "./format";

const AS_OF = "(published|observed|estimated) (at an unknown date|\\S+), (.+)";

/** What a part of a source may be, and the words for it with their blanks. */
const KINDS: readonly [pattern: RegExp, key: Key, blanks: readonly string[]][] = [
  [/^spot price history of (.+)$/, "source.history", ["zone"]],
  [new RegExp(`^spot in (\\S+), ${AS_OF}$`), "source.spot", ["region", "basis", "date", "who"]],
  [new RegExp(`^on-demand in (\\S+), ${AS_OF}$`), "source.ondemand", ["region", "basis", "date", "who"]],
  [new RegExp(`^Bedrock on-demand in (\\S+), ${AS_OF}$`), "source.bedrock", ["region", "basis", "date", "who"]],
  [/^Bedrock, by the token$/, "source.token", []],
  [/^published of Amazon Nova: /, "source.nova", []],
  [/^estimated: the text in an image/, "source.image.text", []],
  [/^estimated: our own container/, "source.container", []],
  [/^unknown: (.+)$/, "source.unknown", ["what"]],
  [/^learned from one session of this deployment(?:, less .+)?$/, "source.learned.one", []],
  [/^learned from (\d+) sessions of this deployment(?:, less .+)?$/, "source.learned", ["n"]],
  [/^learned from earlier batches of this deployment/, "source.learned.batches", []],
  [/^estimated: docs\/costs\.md$/, "source.estimated", []],
  [/^nothing was measured here yet$/, "source.unmeasured", []],
  [/^this deployment's setting \((\w+)\)(?:: .+)?$/, "source.setting", ["name"]],
  [/^with disk and address$/, "source.disk", []],
  [/^busy all the time: no boot, no idle minute$/, "source.busy", []],
  [/^the machine alone$/, "source.alone", []],
  [/^reckoned: Aurora wakes up/, "source.aurora", []],
  [/^no PostgreSQL$/, "source.nodatabase", []],
  [/^as you say$/, "source.given", []],
  [/^somebody switches it off at once$/, "source.off", []],
  [/^it ends by itself$/, "source.itself", []],
  [/^and its last answers and its end take time$/, "source.end", []],
  [/^published: vLLM, Mistral 7B AWQ on an L4, April 2026/, "source.benchmark", []],
  [/^assumed: one answer at a time, (\d+) tokens a second/, "source.call", ["n"]],
  [/^reckoned from its bytes: /, "source.bytes", []],
  [/^half of what the lines allow, at most (\d+) each$/, "source.half", ["n"]],
  [/^at most all of it$/, "source.most", []],
  [/^what the work is worth /, "source.worth", []],
];

/** A month or a day, `2026-11`, as people write it. */
function dated(text: string): string {
  const found = /^(\d{4}-\d\d)(-\d\d)?$/.exec(text);
  if (!found || Number.isNaN(Date.parse(text))) return text;
  const format = { year: "numeric", month: "long", timeZone: "UTC", ...(found[2] && { day: "numeric" as const }) } as const;
  const date = new Intl.DateTimeFormat(LOCALE[language.value], format).format(Date.parse(text));
  return t(found[2] ? "source.day" : "source.month", { date });
}

function part(text: string): string {
  const machine = /^(\w+\.\w+), (.+)$/.exec(text); // "g6.xlarge, on-demand in …"
  if (machine) return `${machine[1]}, ${part(machine[2]!)}`;
  for (const [pattern, key, blanks] of KINDS) {
    const found = pattern.exec(text);
    if (!found) continue;
    const values = blanks.map((name, i) => [name, known("source.word", found[i + 1]?.replaceAll(" ", "_")) ?? dated(found[i + 1] ?? "")]);
    return t(key, Object.fromEntries(values) as Record<string, string>);
  }
  return text; // of a later version: better in English than not at all
}

export function sourceOf(text: string): string {
  return text.split("; ").map(part).join("; ");
}

/** `US$ 0,15 por milhão de tokens`, `240 segundos`. */
export function figureOf(value: number, unit: string): string {
  const words = unitOf(unit);
  if (!unit.startsWith("US$")) return `${number(value, language.value, 6)} ${words}`;
  return `${usd(value, language.value)} ${words.replace("US$", "").trim()}`.trim();
}

export function unitOf(unit: string): string {
  return known("unit", unit.replaceAll(" ", "_")) ?? unit;
}
