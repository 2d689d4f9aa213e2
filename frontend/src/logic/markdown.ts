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

/** Text in which nothing opens what words that come later could close. */
const INERT = /^[^*_~`[\]<>!\\&|]*$/;
const CLOSED = /^(?:(\*\*?|~~?)(?!\s)[^*_~`[\]<>!\\&|]+\1|`[^`]+`)$/;
const LONGEST_LINE = 2_000;

/** Whether what comes on the same line leaves these tokens as they are: they have ended, all but the last, and that is text. */
function onlyLastGrows(tokens: readonly Token[]): boolean {
  const last = tokens.at(-1);
  if (last?.type !== "text" || !last.raw) return false;
  return tokens.every((token) => (token.type === "text" ? INERT : CLOSED).test(token.raw));
}

/** An open block that is longer is read again only now and then while it grows. */
const SHORT = 1_000;

/** How much of a block that is `length` long may wait before all of it is read again: the cost of both is the least. */
const patience = (length: number) => Math.max(200, Math.sqrt(12 * length));

/**
 * The blocks of a text that grows. A block is open as long as it is the last one (so says CommonMark), or a line behind
 * it is not whole and may turn out to be its own; so is what no blank line parts from it. What stands before that is
 * finished, and is not read again.
 *
 * A long list or table is one open block for minutes. While more comes (`whole` is false) its newest lines are read by
 * themselves, until they are worth reading all of it again; code that is open takes what comes as it is, and of a
 * paragraph only its last words are read with those that come. What is whole is read as if it had come at once.
 */
export class Growing {
  private text = "";
  private blocks: readonly Block[] = [];
  /** Where the lines begin that were read by themselves; 0: there are none. */
  private cut = 0;
  /** The last block is code whose end has not come. */
  private inCode = false;
  /** Read as if it had come at once. */
  private isExact = true;

  read(text: string, whole = true): readonly Block[] {
    // Windows' line ends are one character wider than what the lexer counts.
    const now = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    const grows = now.startsWith(this.text);
    if (now === this.text && (this.isExact || !whole)) return this.blocks;
    if (!whole && grows && (this.takesCode(now) || this.takesWords(now))) return this.blocks;
    const open = grows ? this.openFrom() : -1;
    const at = open < 0 ? 0 : this.blocks[open]!.at;
    const kept = this.blocks.slice(0, Math.max(0, open));
    this.blocks = whole || now.length - at <= SHORT ? this.readAll(now, at, kept) : this.readLast(now, at, kept);
    this.text = now;
    this.isExact = this.cut === 0;
    this.inCode = isOpenFence(this.blocks.at(-1)?.token);
    return this.blocks;
  }

  /** The first block that what comes may still change. */
  private openFrom(): number {
    const lastLine = this.cut || this.text.lastIndexOf("\n") + 1;
    let open = this.blocks.findLastIndex((block) => block.at < lastLine);
    while (open > 0 && !this.isParted(open)) open--;
    return open;
  }

  private readAll(now: string, at: number, kept: readonly Block[]): readonly Block[] {
    this.cut = 0;
    return [...kept, ...blocksOf(now.slice(at), at)];
  }

  /** The newest lines by themselves; once they are many, all that is open again, but for the last line. */
  private readLast(now: string, at: number, kept: readonly Block[]): readonly Block[] {
    const line = now.lastIndexOf("\n") + 1;
    const body = this.cut > at ? this.blocks.filter((block) => block.at >= at && block.at < this.cut) : [];
    if (body.length > 0 && line - this.cut < patience(this.cut - at)) {
      return [...kept, ...body, ...blocksOf(now.slice(this.cut), this.cut)];
    }
    if (line <= at) return this.readAll(now, at, kept);
    const read = blocksOf(now.slice(at, line), at);
    // A fence that is open there, at whatever depth, has the line that comes: alone it would be read as something else.
    if (isOpenFence(innermost(read.at(-1)?.token))) return this.readAll(now, at, kept);
    this.cut = line;
    return [...kept, ...read, ...blocksOf(now.slice(line), line)];
  }

  /** What comes into an open block of code is its text, as long as nothing in it could be a fence. */
  private takesCode(now: string): boolean {
    const last = this.blocks.at(-1);
    const added = now.slice(this.text.length);
    if (!last || !this.inCode || this.cut || /[`~]/.test(added)) return false;
    const { token } = last;
    if (!/^[`~]/.test(token.raw) || !token.raw.includes("\n")) return false; // indented, or its language is not whole
    const raw = token.raw + added;
    const text = raw.slice(raw.indexOf("\n") + 1).replace(/\n$/, "");
    this.blocks = [...this.blocks.slice(0, -1), { at: last.at, token: { ...token, raw, text } }];
    this.text = now;
    this.isExact = false;
    return true;
  }

  /** Words that come on a paragraph's line are read with its last ones, if those before have ended. */
  private takesWords(now: string): boolean {
    const last = this.blocks.at(-1);
    const added = now.slice(this.text.length);
    if (this.cut || last?.token.type !== "paragraph" || added.includes("\n")) return false;
    if (last.at + last.token.raw.length < this.text.length) return false; // a blank line has ended it
    const { raw, tokens = [] } = last.token as Tokens.Paragraph;
    // A line that begins with a letter is one of a paragraph, whatever follows on it.
    if (raw.length > LONGEST_LINE || !/(?:^|\n) {0,3}\p{L}[^\n]*$/u.test(raw) || !onlyLastGrows(tokens)) return false;
    const text = tokens.at(-1)!.raw + added;
    const read = new Lexer({ gfm: true, tokenizer: new Careful() }).inlineTokens(text, []);
    const grown = { ...last.token, raw: raw + added, text: raw + added, tokens: [...tokens.slice(0, -1), ...read] };
    this.blocks = [...this.blocks.slice(0, -1), { at: last.at, token: grown }];
    this.text = now;
    this.isExact = false;
    return true;
  }

  /** By a blank line from the block before it. */
  private isParted(block: number): boolean {
    return /\n[ \t]*\n$/.test(this.text.slice(this.blocks[block - 1]!.at, this.blocks[block]!.at));
  }
}

/** What stands last in a list or quote, however deep. */
function innermost(token: Token | undefined): Token | undefined {
  const within = token?.type === "list" ? (token as Tokens.List).items.at(-1)?.tokens : token?.type === "blockquote" ? token.tokens : undefined;
  return within?.length ? innermost(within.at(-1)) : token;
}

/** A block of code with fences whose end has not come. */
function isOpenFence(token: Token | undefined): token is Tokens.Code {
  const fence = token?.type === "code" && /^ {0,3}(`{3,}|~{3,})/.exec(token.raw)?.[1];
  if (!fence) return false;
  const lines = token!.raw.trimEnd().split("\n");
  return lines.length < 2 || !lines.at(-1)!.trim().startsWith(fence);
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
