/** A line's JSON beside its schema: what no schema can say of it, and its prompt. */

type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string => typeof value === "string";

/** The prompt's texts of a valid body, for the estimate. */
export function promptTexts(body: Json): string[] {
  const texts: unknown[] = [body["prompt"]];
  for (const one of Array.isArray(body["messages"]) ? (body["messages"] as unknown[]) : []) {
    const content = isObject(one) ? one["content"] : undefined;
    if (Array.isArray(content)) texts.push(content.map((inner) => (isObject(inner) ? inner["text"] : "")).join("\n"));
    else texts.push(content);
  }
  return texts.filter(isText);
}

const DEEPEST = 64; // lists and objects in each other

/** False: nested too deeply, or half a character ("\ud800" without its other half), which no answer can quote. */
export function isUsable(value: unknown, depth = 0): boolean {
  if (isText(value)) return !/[\ud800-\udfff]/u.test(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth === DEEPEST) return false;
  return Object.entries(value).every(([name, inner]) => isUsable(name) && isUsable(inner, depth + 1));
}
