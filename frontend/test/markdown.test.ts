import { Lexer } from "marked";
import { expect, it, vi } from "vitest";
import { Growing, safeAddress, type Block } from "../src/logic/markdown";
import { pieces } from "../src/logic/highlight";
import { Code } from "../src/ui/Code";
import { grouped } from "../src/logic/chunks";
import { draw } from "../src/ui/Words";

type Props = Record<string, unknown> & { children?: unknown };

/** What a component draws. */
function inside(type: unknown, props: Props): unknown {
  const Part = type as { new (props: Props): { render(): unknown }; prototype?: { render?: unknown } };
  return Part.prototype?.render ? new Part(props).render() : (type as (props: Props) => unknown)(props);
}

/** What a person sees of it: the text, the numbers of a list, where a link leads and the rule across the page. */
function drawn(node: unknown): string {
  if (Array.isArray(node)) return node.map(drawn).join("");
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (node === null || typeof node !== "object") return "";
  const { type, props } = node as { type: unknown; props: Props };
  if (type === Code) return `\n${props["info"]}\n${props["text"]}`;
  if (type === "hr") return "―";
  const own = ["value", "href", "title"].map((name) => props[name] ?? "").join(" ");
  if (typeof type === "function") return drawn(inside(type, props));
  const text = drawn(props.children);
  if (type === "a") return `${text} ${own}`;
  if (INLINE.has(String(type))) return ` ${text} `;
  return type === "li" ? `\n${own} ${text}` : `\n${text}`;
}

const INLINE = new Set(["strong", "em", "del", "code"]);

const blocksOf = (text: string) => draw(grouped([], new Growing().read(text)), true);
const shown = (text: string) => drawn(blocksOf(text));
const elements = (text: string) => JSON.stringify(blocksOf(text), (key, value) => (key.startsWith("__") ? undefined : value));

/** The words: all but spaces and what marks are made of. */
const words = (text: string) => new Set(text.replace(/\[[xX]\]/g, "").match(/[\p{L}\p{N}\p{Extended_Pictographic}]+/gu) ?? []);

/** How often each sign stands there that no mark of Markdown is made of. A box that is ticked is drawn as another sign. */
function signs(text: string): Map<string, number> {
  const counted = new Map<string, number>();
  for (const sign of text.replace(/\[[xX]\]/g, "")) {
    if (!/[\s\p{C}`*_~#>|[\]()<!\\:=+\-".]/u.test(sign)) counted.set(sign, (counted.get(sign) ?? 0) + 1);
  }
  return counted;
}
/** What of `text` stands fewer times in what is seen. */
function lost(text: string, seen: string): string[] {
  const found = signs(seen);
  return [...signs(text)].filter(([sign, times]) => (found.get(sign) ?? 0) < times).map(([sign]) => sign);
}
function expectNothingLost(text: string): void {
  expect(lost(text, shown(text)), JSON.stringify(text)).toEqual([]);
}

it("notices a sign that is lost, and one of two", () => {
  expect(lost("a → b ± 3 € and 5 %", "a b 3 and 5")).toEqual(["→", "±", "€", "%"]);
  expect(lost("no no", "no")).toEqual(["n", "o"]);
  expect(lost("**no**", "no")).toEqual([]);
});

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
  "a → b ± 3 €, 5 % and 5 %, no no: **→ ±** `€` | % |\n\n| → | € |\n|---|---|\n| ± | ± |\n\n- %\n- %",
  "a\n\n\n\nb\n\t\tc\n-\n#\n>\n1.",
  "&#x3c;b&#x3e; &#65; &lt; &eacute; &copy &#0; &#xD800; **&#x41;** [&#x42;](http://x.org) | `&#x43;`",
  "| &#x41; | b |\n|---|---|\n| &#66; | &amp; |\n\n- &#67;\n\n# &#68;",
];

it.each(REAL)("loses no word of %j, and reads it as it grows as it reads the whole", (text) => {
  expectNothingLost(text);
  for (let step = 1; step <= 7; step++) {
    const growing = new Growing();
    const lazy = new Growing();
    for (let end = 0; end < text.length; end += step) {
      growing.read(text.slice(0, end));
      lazy.read(text.slice(0, end), false);
      if (step === 1) expectNothingLost(text.slice(0, end));
    }
    expect(growing.read(text)).toEqual(new Growing().read(text));
    expect(lazy.read(text)).toEqual(new Growing().read(text));
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
    const lazily = round % 2 === 0;
    for (let end = pick(4); end < text.length; end += 1 + pick(6)) growing.read(text.slice(0, end), !lazily);
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
    walk(typeof type === "function" && type !== Code ? inside(type, props) : props?.children);
  };
  walk(blocksOf(text));
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

/** The repository's own pages: real Markdown, of many hands' shapes. */
const PAGES = Object.values(
  import.meta.glob<string>(["../../docs/*.md", "../../docs/decisions/*.md", "../../README*.md", "../*.md"], {
    query: "?raw",
    import: "default",
    eager: true,
  }),
);

it("loses nothing of thirty real documents, streamed in random pieces, and ends as if they had come whole", () => {
  expect(PAGES.length).toBeGreaterThanOrEqual(30);
  let seed = 5;
  const pick = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (const page of PAGES) {
    const text = page.slice(0, 12_000);
    expectNothingLost(text);
    const growing = new Growing();
    for (let end = pick(80); end < text.length; end += 1 + pick(120)) {
      const blocks = growing.read(text.slice(0, end), false);
      if (pick(40) === 0) {
        expect(lost(text.slice(0, end), drawn(draw(grouped([], blocks), false)))).toEqual([]);
      }
    }
    expect(growing.read(text)).toEqual(new Growing().read(text));
  }
});

const TOKENS: Record<string, (i: number) => string> = {
  prose: (i) => (i % 60 === 59 ? ".\n\n" : ` w${i % 7}`),
  code: (i) => (i === 0 ? "```py\n" : i % 10 === 9 ? "\n" : ` w${i % 7}`),
  "a list": (i) => (i % 12 === 0 ? "\n- item" : ` w${i % 7}`),
  "a loose list": (i) => (i % 12 === 0 ? "\n\n- **item**" : ` w${i % 7}`),
  "a table": (i) => (i === 0 ? "| a | b |\n|---|---|\n" : i % 12 === 0 ? " |\n| x" : i % 12 === 6 ? " | " : ` w${i % 7}`),
  "a quote": (i) => (i % 12 === 0 ? "\n> q" : ` w${i % 7}`),
  "code in a list": (i) => (i % 100 === 0 ? "\n- item\n  ```js\n  " : i % 100 === 90 ? "\n  ```\n" : i % 10 === 9 ? "\n  " : ` w${i % 7}`),
};

for (const [name, token] of Object.entries(TOKENS)) {
  it(`reads few characters twice while ${name} of 4,000 tokens comes, and shows all of it all the time`, () => {
    const lex = vi.spyOn(Lexer.prototype, "lex");
    const growing = new Growing();
    let text = "";
    let groups: readonly (readonly Block[])[] = [];
    for (let i = 0; i < 4_000; i++) {
      text += token(i);
      const shownNow = draw((groups = grouped(groups, growing.read(text, false))), false);
      if (i % 250 === 0) expect(words(drawn(shownNow)).size).toBeGreaterThanOrEqual(words(text).size);
    }
    const looked = lex.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
    lex.mockRestore();
    expect(looked / text.length).toBeLessThan(250); // all of it with each token would be 2,000 times
    expect(growing.read(text)).toEqual(new Growing().read(text));
  });
}

it("reads the words that come on a line as it reads the whole line, whatever stands before them and however it ends", () => {
  const parts = ["word", " ", " ", ", ", "**", "*", "_", "`", "``", "**bold**", " *em* ", "`code`", "~~", "~~gone~~", "[", "](http://x.org)", "www.", "x.org"];
  parts.push("http://", "https://x.org/a_b", "ana@", "example.com", "<", ">", "&amp;", "&", "\\", "|", "!", "é🚀", "2**3", "snake_case", "$x_1$", ". ", "1. ", "__", "***", "\n", "\n\n", " \n\n");
  let seed = 23;
  const pick = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 1_500; round++) {
    const growing = new Growing();
    let text = ["So ", "é", "- So ", "1. ", "> a ", "**", "x"][pick(7)]!;
    growing.read(text, false);
    for (let step = 0; step < 12; step++) {
      text += Array.from({ length: 1 + pick(3) }, () => parts[pick(parts.length)]!).join("");
      const now = drawn(draw(grouped([], growing.read(text, false)), false));
      expect(now, JSON.stringify(text)).toBe(drawn(draw(grouped([], new Growing().read(text)), false)));
    }
    expect(growing.read(text)).toEqual(new Growing().read(text));
  }
});

it("reads of a line that grows what comes, not what is there", () => {
  const looked = vi.spyOn(Lexer.prototype, "inlineTokens");
  const growing = new Growing();
  let text = "It is said";
  for (let i = 0; i < 90; i++) growing.read((text += i % 5 ? " that **it** is so," : " and `is` not,"), false);
  const read = looked.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
  looked.mockRestore();
  expect(read / text.length).toBeLessThan(5); // all of it with each piece would be 45 times
});
