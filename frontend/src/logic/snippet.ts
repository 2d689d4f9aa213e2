/** A piece of a message that was found, as text without Markdown's signs; what is marked stays so. Pure. */
import type { TextPart } from "../types";
import { Growing, numberOf, safeAddress, type Token, type Tokens } from "./markdown";
import { withoutMarks } from "./marks";

/** Private characters: Markdown takes them for letters, and no text has them that comes from here. */
const [OPEN, CLOSE] = ["\uE000", "\uE001"];
const SIGNS = /[\uE000\uE001]/g;
const signs = (text: string) => text.match(SIGNS)?.join("") ?? "";

/** Of a table whose head is not there its lines are text: the one of dashes, and what stands between cells. */
const withoutRules = (text: string) => text.replace(/\|?(?:\s*:?-{3,}:?\s*\|)+(?:\s*:?-{3,}:?)?/g, " ").replace(/(?<=\s|^)\|(?=\s|$)/g, "·");

const all = (tokens: readonly Token[], between: string) => tokens.map(flat).join(between);

function link(token: Tokens.Link | Tokens.Image): string {
  const words = token.type === "link" ? all(token.tokens ?? [], "") : token.text;
  return safeAddress(token.href) && words && signs(words) === signs(token.raw) ? words : token.raw;
}

function flat(token: Token): string {
  switch (token.type) {
    case "code":
    case "codespan":
    case "escape":
      return token.text as string;
    case "br":
    case "hr":
    case "space":
    case "checkbox":
      return " ";
    case "link":
    case "image":
      return link(token as Tokens.Link | Tokens.Image);
    case "list":
      return (token as Tokens.List).items
        .map((item) => [token.ordered ? `${numberOf(item) ?? ""}.` : "", all(item.tokens, " ")].filter(Boolean).join(" "))
        .join(" ");
    case "table": {
      const { header, rows } = token as Tokens.Table;
      return [header, ...rows].map((row) => row.map((cell) => all(cell.tokens, "")).join(" · ")).join(" · ");
    }
    case "blockquote":
      return all(token.tokens ?? [], " ");
    default:
      return "tokens" in token && token.tokens ? all(token.tokens, "") : withoutMarks(withoutRules(token.raw));
  }
}

export function plainParts(parts: readonly TextPart[]): TextPart[] {
  const clean = parts.map(({ text, marked }) => ({ text: text.replace(SIGNS, ""), marked }));
  const source = clean.map(({ text, marked }) => (marked ? `${OPEN}${text}${CLOSE}` : text)).join("");
  const text = all(new Growing().read(source).map((block) => block.token), " ").replace(/\s+/gu, " ");
  // What a mark's end was lost of is shown as it came.
  if (signs(text) !== signs(source)) return clean;
  return text.split(/[\uE000\uE001]/).flatMap((part, i) => (part ? [{ text: part, marked: i % 2 === 1 }] : []));
}
