/** Colours for code. Loaded when the first code block is shown: most conversations have none. */
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

const known = createLowlight({
  ...{ bash, c, cpp, css, go, java, javascript, json, python, rust, sql, typescript, xml, yaml },
});

/** A piece of code and what it is; `kind` is highlight.js's class. */
export interface Piece {
  kind: string;
  text: string;
}

type Node = { type: string; value?: string; children?: Node[]; properties?: { className?: string[] } };

/** The pieces, whose texts together are the code; null: the language is not known. */
export function pieces(code: string, language: string): Piece[] | null {
  if (!known.registered(language)) return null;
  const found: Piece[] = [];
  const walk = (node: Node, kind: string) => {
    if (node.type === "text") found.push({ kind, text: node.value ?? "" });
    for (const child of node.children ?? []) walk(child, child.properties?.className?.[0] ?? kind);
  };
  walk(known.highlight(language, code) as Node, "");
  return found;
}
