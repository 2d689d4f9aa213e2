/** Somebody's words in a sentence of ours, whatever they are written in: they turn nothing of what stands around them. */

// A letter that is written from right to left, or a sign that turns what comes after it (UAX #9).
const TURNS = /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const BREAKS = /[\n\r\x1c-\x1e\x85\u2029]/g; // behind one of these no isolate goes on
const [FIRST_STRONG_ISOLATE, POP_ISOLATE] = ["\u2068", "\u2069"];

/** As it is where nothing in it turns; else between the signs that keep it by itself, which it cannot close. */
export function isolated(text: string): string {
  if (!TURNS.test(text)) return text;
  let open = 0;
  let kept = "";
  for (const one of text.replace(BREAKS, " ")) {
    if (one === POP_ISOLATE && open === 0) continue;
    if (one === POP_ISOLATE) open -= 1;
    else if (one >= "\u2066" && one <= "\u2068") open += 1;
    kept += one;
  }
  return FIRST_STRONG_ISOLATE + kept + POP_ISOLATE.repeat(open + 1);
}
