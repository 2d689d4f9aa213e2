/** How tall messages are before anybody has drawn them. Pure. */

const LINE_PX = 25;
const LETTER_PX = 7.5;
const AROUND_PX = 50; // the space between two, and the buttons

/** About, in pixels, where a line is `width` pixels wide: with it a list keeps its place until what is in it is seen. */
export function roughHeight(texts: readonly string[], width: number): number {
  const letters = Math.max(1, width / LETTER_PX);
  const linesOf = (text: string) => text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
  return texts.reduce((sum, text) => sum + linesOf(text) * LINE_PX + AROUND_PX, 0);
}
