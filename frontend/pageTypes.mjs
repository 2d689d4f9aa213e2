/**
 * Writes src/wire.ts: the shapes of the API's OpenAPI document, which comes on stdin, as TypeScript on stdout.
 * `make page-types` runs it; tests/unit/api/openapi/test_page_types.py holds the file against the document.
 */
import { text } from "node:stream/consumers";
import { compile } from "json-schema-to-typescript";

// What OpenAI's clients send: long, and the page never sends it.
const NOT_THE_PAGES = new Set(["ChatCompletion", "TextCompletion"]);

/** Without what would give a shape a second name: its title, and words beside a reference. */
function plain(part) {
  if (Array.isArray(part)) return part.map(plain);
  if (typeof part !== "object" || part === null) return part;
  if (typeof part.$ref === "string") return { $ref: part.$ref.replace("#/components/schemas/", "#/definitions/") };
  const kept = Object.entries(part).filter(([name, value]) => name !== "title" || typeof value !== "string");
  return Object.fromEntries(kept.map(([name, value]) => [name, plain(value)]));
}

const { components } = JSON.parse(await text(process.stdin));
const shapes = Object.entries(components.schemas).filter(([name]) => !NOT_THE_PAGES.has(name));
const made = await compile({ definitions: plain(Object.fromEntries(shapes)) }, "Nothing", {
  additionalProperties: false,
  bannerComment: "/** Made by `make page-types` from the API's OpenAPI document. Change shapes.json, not this. */",
  ignoreMinAndMaxItems: true,
  style: { printWidth: 120 },
  unreachableDefinitions: true,
});
process.stdout.write(
  made
    .replace(/export interface Nothing \{[^}]*\}\n/, "")
    .replaceAll(/(?: \*\n)? \* This interface was referenced by `Nothing`'s JSON-Schema\n \* via the `definition` "\w+"\.\n/g, "")
    .replaceAll(/\/\*\*\n \*\/\n/g, "")
    .replaceAll(/^( *)\/\*\*\n *\* (.+)\n *\*\/$/gm, "$1/** $2 */"),
);
