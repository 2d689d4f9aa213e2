import { expect, it } from "vitest";
import { blocks, runs } from "../src/logic/text";
import { Words } from "../src/ui/Words";

/** textContent of what a component draws. */
function drawn(node: unknown): string {
  if (Array.isArray(node)) return node.map(drawn).join("");
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (node === null || typeof node !== "object") return "";
  const { type, props } = node as { type: unknown; props: { children?: unknown } };
  return drawn(typeof type === "function" ? (type as (props: unknown) => unknown)(props) : props.children);
}
const shown = (text: string) => drawn(Words({ text }));
/** All that is no space and no mark; what the marks of the page's Markdown are made of may be left out. */
const written = (text: string) => text.replace(/[\s`*]/g, "");

const PEOPLE = [
  "Use this:\n```print('hello')```\nand then it is done.",
  "```print('hello')\nwhat does this do?",
  "```print('hello')```",
  "```print('hello')``` and ```two```\nmore",
  "```\nnever closed",
  "```py title=\"a.py\" {1,3}\nx = 1\n```\nafter",
  "```js\n```",
  "````md\n```py\nx\n```\n````\nafter",
  "```py\nx\n```js\ny\n```\nafter",
  "  - step\n    ```sh\n    ls\n    ```\n  - next",
  "```\r\nx\r\n```\r\nafter",
  "~~~\ncode\n~~~",
  "[a]: http://x\n[b]: <http://y> \"title\"\ntext",
  "<!-- a comment --> & <b>bold</b> <script>x</script> &amp; <img src=x>",
  "[text](http://x \"title\") ![alt](http://y/z.png) <http://z>",
  "| a | b |\n|---|\n| cut",
  "# Title #\n> quote\n---\n1. one\n[ ] todo\n[^1]: note",
  "2**3 and 4**5, f(**a, **b), ***** **bold** **a",
  "`` a`b `` and `c` and ``unpaired`",
  "\\*literal\\* \\` $x_1$ __init__ ~~gone~~",
  "---\ntitle: front matter\n---\nbody",
];

it.each(PEOPLE)("shows every word of %j", (text) => {
  expect(written(shown(text))).toBe(written(text));
});

it("shows every word of whatever is put together from such pieces", () => {
  const pieces = ["`", "``", "```", "````", "~~~", "\n", "\n", "\n", " ", "    ", "**", "*", "py", "word", "é🚀", "<b>", "<!--"];
  pieces.push("-->", "[a]: x", "![", "](", ")", "|", "---", "#", "&amp;", "\\", "\r\n", "\t", "1. ", "> ", "$", "__", "\u2028");
  let seed = 11;
  const draw = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + draw(14) }, () => pieces[draw(pieces.length)]!).join("");
    expect(written(shown(text)), JSON.stringify(text)).toBe(written(text));
  }
});

it("loses nothing while an answer streams in", () => {
  for (const text of PEOPLE) {
    for (let end = 0; end <= text.length; end++) {
      expect(written(shown(text.slice(0, end)))).toBe(written(text.slice(0, end)));
    }
  }
});

it("takes code in a line for code, and what follows for prose", () => {
  const [block, ...more] = blocks("Use this:\n```print('hello')```\nand then it is done.");
  expect([block!.kind, more]).toEqual(["prose", []]);
  expect(runs(block!.text)).toEqual([
    { kind: "plain", text: "Use this:\n" },
    { kind: "code", text: "print('hello')" },
    { kind: "plain", text: "\nand then it is done." },
  ]);
});

it("ends a block only at a fence as long as its own, and keeps what stands behind the opening one", () => {
  expect(blocks("````md\n```py\nx\n```\n````\nafter")).toEqual([
    { kind: "code", text: "```py\nx\n```", info: "md" },
    { kind: "prose", text: "after" },
  ]);
});

it("draws something for whatever is not blank", () => {
  for (const text of ["```", "```\n```", "```\n\n```", "`", "``````", "*", "**", "****", "` `", "```\n`\n```"]) {
    expect(shown(text), text).not.toBe("");
  }
  expect(shown("a\n```\n```\nb")).toBe("a```\n```\nb");
});

it("leaves stars of formulas and code where they were", () => {
  for (const text of ["2**3 and 4**5", "f(x)**2 + g(x)**2", "f(**a, **b)", "*****", "**", "a ** b ** c"]) {
    expect(shown(text)).toBe(text);
  }
  expect(shown("**bold**: `` a`b ``")).toBe("bold: a`b");
});

it("draws long rows of marks at once", () => {
  for (const mark of ["`", "*", "` ", "** ", "**a", "`a``", " ", "\n", "```\n"]) {
    const text = `${mark.repeat(40_000)}x`;
    expect(written(shown(text))).toBe(written(text));
  }
});
