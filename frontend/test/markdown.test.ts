import { expect, it } from "vitest";
import { Growing, safeAddress } from "../src/logic/markdown";
import { pieces } from "../src/logic/highlight";
import { Code } from "../src/ui/Code";
import { draw } from "../src/ui/Words";

type Props = Record<string, unknown> & { children?: unknown };

/** What a person sees of it: the text, the numbers of a list, where a link leads and the rule across the page. */
function drawn(node: unknown): string {
  if (Array.isArray(node)) return node.map(drawn).join("");
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (node === null || typeof node !== "object") return "";
  const { type, props } = node as { type: unknown; props: Props };
  if (type === Code) return `\n${props["info"]}\n${props["text"]}`;
  if (type === "hr") return "―";
  const own = ["value", "href", "title"].map((name) => props[name] ?? "").join(" ");
  if (typeof type === "function") return drawn((type as (props: Props) => unknown)(props));
  const inside = drawn(props.children);
  if (type === "a") return `${inside} ${own}`;
  if (INLINE.has(String(type))) return ` ${inside} `;
  return type === "li" ? `\n${own} ${inside}` : `\n${inside}`;
}

const INLINE = new Set(["strong", "em", "del", "code"]);

const shown = (text: string) => drawn(draw(new Growing().read(text), true));
const elements = (text: string) => JSON.stringify(draw(new Growing().read(text), true), (key, value) => (key.startsWith("__") ? undefined : value));

/** The words: all but spaces and what marks are made of. */
const words = (text: string) => new Set(text.replace(/\[[xX]\]/g, "").match(/[\p{L}\p{N}\p{Extended_Pictographic}]+/gu) ?? []);
function expectNothingLost(text: string): void {
  const seen = words(shown(text));
  expect([...words(text)].filter((word) => !seen.has(word)), JSON.stringify(text)).toEqual([]);
}

const REAL = [
  "Use this:\n```print('hello')```\nand then it is done.",
  "```print('hello')\nwhat does this do?",
  "```print('hello')``` and ```two```\nmore",
  "```\nnever closed",
  "```py title=\"a.py\" {1,3}\nx = 1\n```\nafter",
  "```js\n```",
  "````md\n```py\nx\n```\n````\nafter",
  "```py\nx\n```js\ny\n```\nafter",
  "  - step\n    ```sh\n    ls\n    ```\n  - next",
  "```\r\nx\r\n```\r\nafter",
  "~~~\ncode\n~~~",
  "[a]: http://x\n[b]: <http://y> \"title\"\ntext [a] and [b][a]",
  "<!-- a comment --> & <b>bold</b> <script>x</script> &amp; <img src=x>",
  "<div>\nblock\n</div>\n\nafter <br> it",
  "[text](http://x.org \"title\") ![alt](http://y.org/z.png) <http://z.org> https://w.org/a_b",
  "[file](file:///etc/passwd) [js](javascript:alert(1)) [none](relative/path) ![d](data:image/png;base64,AA)",
  "| a | b |\n|---|\n| cut",
  "| a | b |\n|---|---|\n| 1 | 2 | lost? |\n| 3 |",
  "| Nome | Nota |\n|:---|---:|\n| Ana | 10 |\n| Bia \\| Bo | 9 |\n\nfim",
  "# Title #\n> quote\n> more\n---\n1. one\n5. five\n- [ ] todo\n- [x] done\n\n[^1]: note",
  "7. seven\n9. nine\n\n   still nine\n\n    indented code",
  "2**3 and 4**5, f(**a, **b), ***** **bold** **a _it_ __init__ snake_case_name",
  "`` a`b `` and `c` and ``unpaired`",
  "\\*literal\\* \\` $x_1$ + $a*b*c$ ~~gone~~ \\(x^2\\)",
  "---\ntitle: front matter\n---\nbody",
  "Heading\n===\nOther\n---\ntext",
  "- a\n\n- b\n  - c\n    > d\n\n      e\n- f",
  "> > > deep\n> back\n\n* * *\n+ plus\n1) paren",
  "Olá **mundo**, *você* está `aqui`?  \nNova linha\ncontinua\u2028separada",
  "a\n\n\n\nb\n\t\tc\n-\n#\n>\n1.",
];

it.each(REAL)("loses no word of %j, and reads it as it grows as it reads the whole", (text) => {
  expectNothingLost(text);
  for (let step = 1; step <= 7; step++) {
    const growing = new Growing();
    for (let end = 0; end < text.length; end += step) {
      growing.read(text.slice(0, end));
      if (step === 1) expectNothingLost(text.slice(0, end));
    }
    expect(growing.read(text)).toEqual(new Growing().read(text));
  }
});

it("does so for whatever is put together from such pieces, in whatever pieces it comes", () => {
  const parts = ["`", "``", "```", "````", "~~~", "\n", "\n", "\n", "\n\n", " ", "    ", "**", "*", "_", "py", "word", "é🚀", "<b>", "<!--"];
  parts.push("-->", "[a]: x", "![", "[", "](", ")", "|", "a|b\n", "-|-\n", "---", "===", "#", "# ", "&amp;", "\\", "\r\n", "\t", "1. ");
  parts.push("- ", "> ", "$", "__", "\u2028", "http://x.org/", "<div>", "</div>", "- [ ] ", "1) ", "~~");
  let seed = 11;
  const pick = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 4_000; round++) {
    const text = Array.from({ length: 1 + pick(24) }, () => parts[pick(parts.length)]!).join("");
    expectNothingLost(text);
    const growing = new Growing();
    for (let end = pick(4); end < text.length; end += 1 + pick(6)) growing.read(text.slice(0, end));
    expect(growing.read(text), JSON.stringify(text)).toEqual(new Growing().read(text));
  }
});

it("draws what Markdown means", () => {
  const text = "# T\n\n**b** *i* ~~d~~ `c` [l](https://x.org)\n\n> q\n\n1. o\n- u\n\n| h |\n|---|\n| c |\n\n---\n";
  const drawnAs = (name: string) => elements(text).includes(`"type":"${name}"`);
  const inside = drawnText(text);
  for (const name of ["h3", "strong", "em", "del", "code", "a", "blockquote", "ol", "ul", "li", "table", "th", "td", "hr"]) {
    expect(drawnAs(name) || inside.has(name), name).toBe(true);
  }
});

/** The names of all elements, those within components too. */
function drawnText(text: string): Set<string> {
  const names = new Set<string>();
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (node === null || typeof node !== "object") return;
    const { type, props } = node as { type: unknown; props: Props };
    if (typeof type === "string") names.add(type);
    walk(typeof type === "function" && type !== Code ? (type as (props: Props) => unknown)(props) : props?.children);
  };
  walk(draw(new Growing().read(text), true));
  return names;
}

it("opens no address but those of pages and mail, loads no image and makes no element of anybody's markup", () => {
  for (const bad of ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "file:///x", "//x.org", "/x", "", " javascript:x"]) {
    expect(safeAddress(bad)).toBeNull();
  }
  for (const good of ["http://x.org", "https://x.org/a?b#c", "mailto:ana@example.com"]) expect(safeAddress(good)).toBe(good);
  const names = drawnText("<img src=x onerror=alert(1)><script>x</script> ![a](https://x.org/i.png) <iframe></iframe>");
  for (const name of ["img", "script", "iframe"]) expect(names.has(name)).toBe(false);
});

it("draws something for whatever is not blank", () => {
  for (const text of ["```", "```\n```", "```\n\n```", "`", "``````", "*", "**", "****", "` `", "#", ">", "- ", "---", "[]()", "![]()"]) {
    const names = drawnText(text);
    expect(shown(text).trim() !== "" || names.has("li") || names.has("blockquote"), text).toBe(true);
  }
});

it("leaves stars and underlines of formulas and names where they were", () => {
  for (const text of ["2**3 and 4**5", "f(x)**2 + g(x)**2", "f(**a, **b)", "a ** b ** c", "__init__", "snake_case_name", "x_1 + y_2", "2*3*4"]) {
    expect(shown(text)).toBe(`\n${text}`);
  }
});

it("reads what is finished once: a long answer costs what it adds, not what it has", () => {
  const growing = new Growing();
  let text = "";
  let first: unknown;
  for (let i = 0; i < 200; i++) {
    text += `Paragraph **${i}** of them.\n\n`;
    const blocks = growing.read(text);
    first ??= blocks[0];
    if (i > 1) expect(blocks[0]).toBe(i === 2 ? (first = blocks[0]) : first);
    expect(blocks).toHaveLength(i + 1);
  }
});

it("copes with long rows of marks and deep nests", () => {
  for (const mark of ["`", "*", "` ", "** ", "**a", "_a", "`a``", " ", "\n", "```\n", "[", "](", "> ", "- ", "1. ", "a|", "<", "\\"]) {
    const text = `${mark.repeat(20_000)}x`;
    expect(shown(text).includes("x")).toBe(true);
  }
});

it("colours code without changing it, and leaves languages alone that it does not know", () => {
  const code = "def f(x):\n    return 'é' # <b>\n";
  const found = pieces(code, "python")!;
  expect(found.map((piece) => piece.text).join("")).toBe(code);
  expect(found.some((piece) => piece.kind === "hljs-keyword")).toBe(true);
  expect(pieces(code, "brainfog")).toBeNull();
});
