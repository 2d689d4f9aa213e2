import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import type { Plugin } from "vite";
// The server's own files: both sides check a batch's lines by the same rules.
import chatLine from "../src/foreverus/api/schemas/chat_line.json" with { type: "json" };
import completionLine from "../src/foreverus/api/schemas/completion_line.json" with { type: "json" };

const MODULE = "virtual:line-schemas"; // its types: src/lineSchemas.d.ts

/** The one helper that Ajv's code fetches when it runs: a string's length in characters, not in UTF-16 units. */
const CHARACTERS = /require\("ajv\/dist\/runtime\/ucs2length"\)\.default/g;

/** Checks of a line as plain JavaScript, written at build time: the page's policy forbids to compile schemas in it. */
export function validatorSource(): string {
  const ajv = new Ajv2020({
    allErrors: true, // a person corrects all of them at once
    verbose: true, // an error carries the part of the schema that it breaks: the hints are made of it
    messages: false, // the words are ours, in the language of the person
    allowUnionTypes: true,
    code: { source: true, esm: true },
  });
  ajv.addSchema(chatLine, "chatLine").addSchema(completionLine, "completionLine");
  const source = standalone(ajv, { chatLine: "chatLine", completionLine: "completionLine" });
  return source.replaceAll(CHARACTERS, "((text) => [...text].length)");
}

export function lineSchemas(): Plugin {
  return {
    name: "line-schemas",
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    load: (id) => (id === `\0${MODULE}` ? validatorSource() : undefined),
  };
}
