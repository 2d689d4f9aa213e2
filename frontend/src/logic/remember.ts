/** What a person wants remembered, as it is said and as it is kept. Pure. */

export const MEMORY_CHARACTERS = 300; // the API's most, in code points

/** One line, as the server keeps it, of as many words as fit. */
export function asMemory(text: string): string {
  const line = text.split(/\s+/u).filter(Boolean).join(" ");
  const points = [...line];
  if (points.length <= MEMORY_CHARACTERS) return line;
  const cut = points.slice(0, MEMORY_CHARACTERS).join("");
  const end = cut.lastIndexOf(" ");
  return end > 0 ? cut.slice(0, end) : cut;
}

const ASKED = /^(?:(?:please|por favor),? )?(?:remember that|lembr[ea](?:-(?:se|te))?(?: de)? que) (?=\S)/iu;

/** What somebody asks to have remembered in all their conversations ("remember that I …"); null: their question asks for
 * nothing of the kind. */
export function askedToRemember(question: string): string | null {
  const line = asMemory(question);
  const asked = ASKED.exec(line);
  if (!asked) return null;
  const what = line.slice(asked[0].length);
  return what.charAt(0).toUpperCase() + what.slice(1);
}
