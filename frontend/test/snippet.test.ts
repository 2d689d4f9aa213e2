import { expect, it } from "vitest";
import { plainParts } from "../src/logic/snippet";

/** `⟦…⟧` is marked. */
const parts = (text: string) => text.split(/[⟦⟧]/).flatMap((part, i) => (part ? [{ text: part, marked: i % 2 === 1 }] : []));
const shown = (text: string) => plainParts(parts(text)).map(({ text, marked }) => (marked ? `⟦${text}⟧` : text)).join("").trim();

it.each([
  ["A **⟦limit⟧** exists", "A ⟦limit⟧ exists"],
  ["… ⟦light⟧** is *white", "… ⟦light⟧ is white"],
  ["# ⟦Light⟧\n\nAir scatters it:\n\n- blue\n- red", "⟦Light⟧ Air scatters it: blue red"],
  ["1. one\n2. ⟦two⟧", "1. one 2. ⟦two⟧"],
  ["> a `⟦code⟧` b", "a ⟦code⟧ b"],
  ["```python\nx = 2 ** 3  # ⟦long⟧\n```", "x = 2 ** 3 # ⟦long⟧"],
  ["| colour | wavelength |\n|---|---|\n| ⟦blue⟧ | 450 nm |", "colour · wavelength · ⟦blue⟧ · 450 nm"],
  ["450 nm | ⟦blue⟧ |\n|---|---|", "450 nm · ⟦blue⟧"],
  ["See [the ⟦page⟧](https://example.org/x).", "See the ⟦page⟧."],
  ["See [it](https://example.org/⟦page⟧).", "See [it](https://example.org/⟦page⟧)."],
  ["[x](javascript:⟦alert⟧(1))", "[x](javascript:⟦alert⟧(1))"],
  ["2 * 3 * 4 is ⟦snake_case⟧_x", "2 * 3 * 4 is ⟦snake_case⟧_x"],
  ["<b>⟦bold⟧</b> & &amp;", "<b>⟦bold⟧</b> & &amp;"],
  ["nothing \uE000 odd", "nothing odd"],
])("%j is %j", (source, plain) => {
  expect(shown(source)).toBe(plain);
});
