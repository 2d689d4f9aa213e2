/**
 * What is read aloud of an answer: its Markdown as somebody would say it. Code is looked at and not listened to; of a
 * link its words are said, of a table its cells, a row after the other. Pure.
 */
import type { Language } from "./format";
import { Growing, isWhole, numberOf, safeAddress, type Block, type Token, type Tokens } from "./markdown";
import { withoutMarks } from "./marks";
import { sentences } from "./sentences";

function linkWords(token: Tokens.Link | Tokens.Image): string {
  const words = token.type === "link" ? inline(token.tokens ?? []) : token.text;
  const address = safeAddress(words.trim());
  return address ? new URL(address).hostname || words : words;
}

function inline(tokens: readonly Token[]): string {
  return tokens
    .map((token) => {
      if (token.type === "link" || token.type === "image") return linkWords(token as Tokens.Link | Tokens.Image);
      if (token.type === "br") return " ";
      if (token.type === "escape" || token.type === "codespan") return token.text as string;
      if ("tokens" in token && token.tokens) return inline(token.tokens);
      return token.raw;
    })
    .join("");
}

const said = (text: string) => withoutMarks(text).replace(/\s+/gu, " ").trim();

/** With an end, so that the voice falls. */
const ended = (text: string) => (/[\p{L}\p{N}%]$/u.test(text) ? `${text}.` : text);

function rows(table: Tokens.Table): string[] {
  if (!isWhole(table)) return table.raw.split("\n").map((line) => said(line.replace(/\|/g, ", ").replace(/[-:]{2,}/g, "")));
  return [table.header, ...table.rows].map((row) => row.map((cell) => said(inline(cell.tokens))).filter(Boolean).join(", "));
}

function ofList(list: Tokens.List): string[] {
  return list.items.flatMap((item) => {
    const [first = "", ...others] = item.tokens.flatMap(parts);
    const number = list.ordered ? numberOf(item) : undefined;
    return [number === undefined || !first ? first : `${number}. ${first}`, ...others];
  });
}

/** What stands by itself, and is never read in one breath with what follows. */
function parts(token: Token): string[] {
  switch (token.type) {
    case "code":
    case "hr":
    case "space":
    case "checkbox":
      return [];
    case "list":
      return ofList(token as Tokens.List);
    case "blockquote":
      return (token.tokens ?? []).flatMap(parts);
    case "table":
      return rows(token as Tokens.Table);
    default:
      return ["tokens" in token && token.tokens ? inline(token.tokens) : token.raw];
  }
}

/** How many characters it has that are no spaces. */
const bare = (text: string) => text.replace(/\s/gu, "").length;

/** What stands behind so many of them. */
function behind(text: string, count: number): string {
  let at = 0;
  for (let left = count; left > 0; at++) if (!/\s/u.test(text[at]!)) left--;
  return text.slice(at).trim();
}

/** Of a text that grows, what can be said already: a sentence is whole when another one begins, or when nothing more
 * comes. What was taken is known by its length: words that come may make one sentence of two. */
export class Spoken {
  private readonly growing = new Growing();
  private readonly known = new WeakMap<Token, string[][]>();
  private found: readonly string[] = [];
  private taken = 0; // characters that are no spaces
  private isOver = false;

  constructor(private readonly language: Language) {}

  feed(text: string, done: boolean): void {
    const groups = this.growing.read(text, done).map((block) => this.of(block));
    const all = groups.flat(2);
    if (!done && groups.at(-1)?.at(-1)?.length) all.pop();
    this.found = all;
    this.isOver = done;
  }

  /** True when there is no more, and there will not be. */
  get isEmpty(): boolean {
    return this.isOver && this.left().length === 0;
  }

  /** What comes next: one sentence, or short ones that are `most` long together; null: nothing yet. The first is taken
   * alone, to be heard soon. */
  take(most: number): string | null {
    const [first, ...others] = this.left();
    if (first === undefined) return null;
    let text = first;
    if (this.taken > 0) for (const next of others) if (text.length + next.length < most) text += ` ${next}`; else break;
    this.taken += bare(text);
    return text;
  }

  private left(): string[] {
    let before = this.taken;
    return this.found.flatMap((sentence) => {
      const own = bare(sentence);
      const rest = before >= own ? "" : behind(sentence, before);
      before = Math.max(0, before - own);
      return rest ? [rest] : [];
    });
  }

  /** A block's parts, and of each its sentences. */
  private of({ token }: Block): string[][] {
    let groups = this.known.get(token);
    if (!groups) {
      const texts = parts(token).map(said).filter((text) => /[\p{L}\p{N}]/u.test(text));
      groups = texts.map((text) => sentences(ended(text), this.language).map((one) => one.trim()).filter(Boolean));
      this.known.set(token, groups);
    }
    return groups;
  }
}
