/** A text's sentences, by which it is read aloud: none of its characters is lost. Pure. */
import type { Language } from "./format";

/** A dot after one of these ends no sentence. */
const TITLES = "dr dra drs sr sra srs srta prof profa mr mrs ms st av eng enga exmo exma gen sen dep gov pe vs ex cf aprox approx";
/** After these where a number follows. */
const BEFORE_NUMBERS = "no nos n nr núm art arts fig figs p pp pág págs vol vols cap caps sec séc eq tel ch jan fev feb mar abr apr mai jun jul ago aug set sep sept out oct nov dez dec";

const among = (words: string) => `(?:${words.split(" ").join("|")})`;
const BEGINS = "(?:^|[^\\p{L}\\p{M}\\p{N}.])";
/** Initials and what is written by its first letters: J. R., e.g., p.ex., U.S. */
const INITIALS = "(?:\\p{L}\\p{M}*\\.)*\\p{L}\\p{M}*";
const SHORT = new RegExp(`${BEGINS}(?:${INITIALS}|${among(TITLES)})\\.[ \\t]*$`, "iu");
const COUNTED = new RegExp(`${BEGINS}${among(BEFORE_NUMBERS)}\\.[ \\t]*$`, "iu");
const NUMBER = /^(?:\p{N}|[IVXLCDM]+\b)/u;
/** Of a list: its number alone is no sentence. */
const ITEM = /(?:^|\n)\s*\p{N}{1,3}[.)][ \t]*$/u;

function goesOn(said: string, next: string): boolean {
  if (!said.trim()) return true;
  return SHORT.test(said) || ITEM.test(said) || (COUNTED.test(said) && NUMBER.test(next));
}

const END = /[.!?…]+["'”’»)\]]*\s+(?!\s|\p{Ll})|\n+(?!\n)/gu;

/** For browsers that have no Intl.Segmenter. */
function byMarks(text: string): string[] {
  const ends = [...Array.from(text.matchAll(END), (end) => end.index + end[0].length), text.length];
  return ends.map((end, i) => text.slice(i ? ends[i - 1] : 0, end)).filter(Boolean);
}

/** What a browser makes of it, by the rules of Unicode for all languages; undefined: it has none. */
export function segmenter(language: Language): ((text: string) => string[]) | undefined {
  if (!("Segmenter" in Intl)) return undefined;
  const made = new Intl.Segmenter(language, { granularity: "sentence" });
  return (text) => Array.from(made.segment(text), (one) => one.segment);
}

const LONGEST = 600; // characters: a sentence that is longer is read in parts

function cut(sentence: string): string[] {
  const found: string[] = [];
  let rest = sentence;
  while (rest.length > LONGEST) {
    const most = rest.slice(0, LONGEST);
    const at = Math.max(...[/^[^]*[,;:–—]\s/, /^[^]*\s/].map((end, i) => ((end.exec(most)?.[0].length ?? 0) > LONGEST / (2 + 2 * i) ? end.exec(most)![0].length : 0)));
    // Never between the two halves of one character.
    const end = at || (/[\uD800-\uDBFF]$/.test(most) ? LONGEST - 1 : LONGEST);
    found.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...found, rest];
}

/** Joined they are the text. `by`: what parts it first. */
export function sentences(text: string, language: Language, by = segmenter(language)): string[] {
  const found: string[] = [];
  let open = "";
  for (const part of (by ?? byMarks)(text)) {
    if (open && !goesOn(open, part)) {
      found.push(open);
      open = "";
    }
    open += part;
  }
  if (open) found.push(open);
  return found.flatMap(cut);
}
