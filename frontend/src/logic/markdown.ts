/**
 * What people write and models answer, as Markdown: CommonMark with GitHub's tables and task lists, by the lexer of
 * `marked`. Where reading it as Markdown would make a word vanish, it stays as it was written: raw HTML, definitions
 * of links, stars and underlines of formulas and names, cells that a table's head has no column for.
 */
import { Lexer, Tokenizer, type Token, type Tokens } from "marked";

export type { Token, Tokens };

/** Longer paragraphs, and those with more marks, are shown as they are: pairing marks takes the square of their number. */
const LONGEST_PARAGRAPH = 20_000;
const MOST_MARKS = 2_000;

class Careful extends Tokenizer {
  /** Raw HTML is text. */
  override html(): undefined {}
  override tag(): undefined {}
  /** `[a]: http://x` is shown, and no text elsewhere depends on it: so what was read is never read again. */
  override def(): undefined {}

  override emStrong(src: string, masked: string, before = ""): Tokens.Em | Tokens.Strong | undefined {
    if (/[\p{L}\p{N}_)\]*]/u.test(before)) return undefined;
    const found = super.emStrong(src, masked, before);
    if (!found || /^[\p{L}\p{N}_([*]/u.test(src.slice(found.raw.length))) return undefined;
    return /^__\w+__$/.test(found.raw) ? undefined : found;
  }
}

function read(source: string): Token[] {
  const lexer = new Lexer({ gfm: true, tokenizer: new Careful() });
  try {
    return lexer.lex(source);
  } catch {
    return [plain(source)]; // nested deeper than the stack
  }
}

function plain(text: string): Tokens.Text {
  return { type: "text", raw: text, text, escaped: false };
}

/** One thing of a text, as high as the page is wide: `at` is where it begins. */
export interface Block {
  at: number;
  token: Token;
}

function tooMuch(text: string): boolean {
  return text.length > LONGEST_PARAGRAPH || (text.match(/[*_~`[]/g)?.length ?? 0) > MOST_MARKS;
}

/** Paragraphs that would take too long are cut out first: the lexer never sees them. */
function blocksOf(source: string, at: number): Block[] {
  const found: Block[] = [];
  let from = 0;
  const flush = (to: number) => {
    let begin = at + from;
    for (const token of read(source.slice(from, to))) {
      if (token.type !== "space") found.push({ at: begin, token });
      begin += token.raw.length;
    }
  };
  for (const part of source.matchAll(/[^\n]+(?:\n[^\n]+)*/g)) {
    if (!tooMuch(part[0])) continue;
    flush(part.index);
    found.push({ at: at + part.index, token: plain(part[0]) });
    from = part.index + part[0].length;
  }
  flush(source.length);
  return found;
}

/**
 * The blocks of a text that grows. A block is open as long as it is the last one (so says CommonMark), or a line behind
 * it is not whole and may turn out to be its own; so is what no blank line parts from it. What stands before that is
 * finished, and is not read again.
 */
export class Growing {
  private text = "";
  private blocks: readonly Block[] = [];

  read(text: string): readonly Block[] {
    // Windows' line ends are one character wider than what the lexer counts.
    const now = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (now === this.text) return this.blocks;
    const lastLine = this.text.lastIndexOf("\n") + 1;
    let open = now.startsWith(this.text) ? this.blocks.findLastIndex((block) => block.at < lastLine) : -1;
    while (open > 0 && !this.isParted(open)) open--;
    const kept = this.blocks.slice(0, Math.max(0, open));
    const at = open < 0 ? 0 : this.blocks[open]!.at;
    this.blocks = [...kept, ...blocksOf(now.slice(at), at)];
    this.text = now;
    return this.blocks;
  }

  /** By a blank line from the block before it. */
  private isParted(block: number): boolean {
    return /\n[ \t]*\n$/.test(this.text.slice(this.blocks[block - 1]!.at, this.blocks[block]!.at));
  }
}

/** The address of a link, where it is one that a click may open. */
export function safeAddress(href: string): string | null {
  try {
    const { protocol } = new URL(href);
    return ["http:", "https:", "mailto:"].includes(protocol) ? href : null;
  } catch {
    return null;
  }
}

/** GitHub drops what stands beyond a table's last column: such a table is shown as it was written. */
export function isWhole(table: Tokens.Table): boolean {
  const cells = (row: string) => row.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/).length;
  const [head, , ...rows] = table.raw.trimEnd().split("\n");
  return rows.every((row) => cells(row) <= cells(head!));
}

/** The number that somebody wrote before an item of a list. */
export function numberOf(item: Tokens.ListItem): number | undefined {
  const found = /^\s*(\d{1,9})[.)]/.exec(item.raw);
  return found ? Number(found[1]) : undefined;
}
