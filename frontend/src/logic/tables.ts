/**
 * Files that are no batch yet: a spreadsheet, a list of questions, objects of any kind. Each row becomes a request by a
 * template: `{{column}}` is replaced by what stands there. papaparse reads CSV, as spreadsheets really write it.
 */
import Papa from "papaparse";

export interface Table {
  name: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface Template {
  system: string;
  prompt: string;
  /** Of each answer; null: as long as it gets. */
  maxTokens: number | null;
}

const MOST_BYTES = 20_000_000;
const TEXT = "text"; // the one column of a list of lines

/** null: it is a batch already, or nothing that a table can be made of: the check says what it is. */
export async function tableOf(file: File): Promise<Table | null> {
  if (file.size > MOST_BYTES || file.size === 0) return null;
  const text = decoded(await file.arrayBuffer());
  const kind = /\.([a-z]+)$/i.exec(file.name)?.[1]?.toLowerCase() ?? "";
  if (kind === "csv" || kind === "tsv") return fromCsv(file.name, text);
  const objects = objectsOf(text);
  if (objects) return objects.some((one) => "custom_id" in one || "body" in one) ? null : fromObjects(file.name, objects);
  if (kind !== "txt" && kind !== "md") return null;
  const lines = text.split(/\r\n|[\n\r]/).map((line) => line.trim());
  const rows = lines.filter((line) => line).map((line) => [line]);
  return rows.length > 0 ? { name: file.name, columns: [TEXT], rows } : null;
}

/** UTF-8, or what spreadsheets write instead: UTF-16 ("Unicode text"), and Windows' own letters in Brazil and Europe. */
function decoded(bytes: ArrayBuffer): string {
  const [first, second] = new Uint8Array(bytes.slice(0, 2));
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function fromCsv(name: string, text: string): Table | null {
  const { data } = Papa.parse<string[]>(text, { skipEmptyLines: "greedy" });
  const [head, ...rows] = data;
  if (!head || rows.length === 0) return null;
  const columns = unique(head.map((column, i) => column.trim() || `${i + 1}`));
  return { name, columns, rows: rows.map((row) => columns.map((_, i) => row[i] ?? "")) };
}

function unique(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const n = (seen.get(name) ?? 0) + 1;
    seen.set(name, n);
    return n > 1 ? `${name} ${n}` : name;
  });
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Of JSON Lines, or of one JSON list; null: it is neither. */
function objectsOf(text: string): Json[] | null {
  const read = (part: string): unknown => {
    try {
      return JSON.parse(part);
    } catch {
      return undefined;
    }
  };
  if (text.trimStart().startsWith("[")) {
    const list = read(text);
    return Array.isArray(list) && list.length > 0 && list.every(isObject) ? list : null;
  }
  const found: Json[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim()) continue;
    const one = read(line);
    if (!isObject(one)) return null;
    found.push(one);
  }
  return found.length > 0 ? found : null;
}

function fromObjects(name: string, objects: readonly Json[]): Table {
  const columns = [...new Set(objects.flatMap(Object.keys))];
  return { name, columns, rows: objects.map((one) => columns.map((column) => words(one[column]))) };
}

function words(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join("\n");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The column with the longest texts is most likely the question. */
export function likelyPrompt(table: Table): string {
  const length = (i: number) => table.rows.slice(0, 100).reduce((all, row) => all + row[i]!.length, 0);
  const best = table.columns.map((_, i) => i).sort((a, b) => length(b) - length(a))[0] ?? 0;
  return `{{${table.columns[best]}}}`;
}

/** What the template makes of a row; a name that is no column stays as it was written. */
export function filled(template: string, table: Table, row: readonly string[]): string {
  return template.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (whole, name: string) => row[table.columns.indexOf(name)] ?? whole);
}

/** Names in the template that are no columns. */
export function unknownNames(template: string, table: Table): string[] {
  const names = [...template.matchAll(/\{\{\s*([^{}]+?)\s*\}\}/g)].map((found) => found[1]!);
  return [...new Set(names.filter((name) => !table.columns.includes(name)))];
}

/** A column of names that are all there and all different, or the rows' numbers. */
function ids(table: Table): readonly string[] {
  const at = table.columns.findIndex((column) => /^(custom_?)?id$/i.test(column));
  const found = at < 0 ? [] : table.rows.map((row) => row[at]!.trim());
  const good = found.length > 0 && found.every((id) => id && id.length <= 64) && new Set(found).size === found.length;
  return good ? found : table.rows.map((_, i) => `${i + 1}`);
}

/** The batch's file: a request for each row in which the template makes any words. */
export function batchOf(table: Table, template: Template, model: string): File {
  const names = ids(table);
  const lines = table.rows.flatMap((row, i) => {
    const content = filled(template.prompt, table, row);
    if (!content.trim()) return [];
    const system = template.system.trim() ? [{ role: "system", content: filled(template.system, table, row) }] : [];
    const limit = template.maxTokens === null ? {} : { max_tokens: template.maxTokens };
    const body = { model, messages: [...system, { role: "user", content }], ...limit };
    return [JSON.stringify({ custom_id: names[i], method: "POST", url: "/v1/chat/completions", body })];
  });
  return new File([lines.map((line) => `${line}\n`).join("")], table.name.replace(/(\.[a-z]+)?$/i, ".jsonl"));
}
