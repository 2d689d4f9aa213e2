import { expect, test } from "vitest";
import { asMemory, askedToRemember, MEMORY_CHARACTERS } from "../src/logic/remember";

test.each([
  ["Remember that I live in Salvador.", "I live in Salvador."],
  ["remember that\n  my name is Ana", "My name is Ana"],
  ["Please remember that I teach chemistry.", "I teach chemistry."],
  ["Lembre que eu moro em Salvador.", "Eu moro em Salvador."],
  ["lembre-se de que sou professora", "Sou professora"],
  ["Lembre de que é segunda", "É segunda"],
  ["Por favor, lembre-se que não como carne.", "Não como carne."],
  ["Lembra que eu gosto de café", "Eu gosto de café"],
])("%s", (question, what) => expect(askedToRemember(question)).toBe(what));

test.each(["Do you remember that song?", "Remember the sea", "remember that", "Lembre-se", "lembre que", "Lembrete: que dia é hoje?", ""])(
  "nothing is asked to be remembered: %s",
  (question) => expect(askedToRemember(question)).toBeNull(),
);

test("a memory is one line of whole words that the API takes", () => {
  expect(asMemory(" I am\n\u2028 Ana\t ")).toBe("I am Ana");
  const long = asMemory("palavra ".repeat(100));
  expect([...long].length).toBeLessThanOrEqual(MEMORY_CHARACTERS);
  expect(long.endsWith("palavra")).toBe(true);
  expect([...asMemory("\u{1f600}".repeat(400))].length).toBe(MEMORY_CHARACTERS);
});
