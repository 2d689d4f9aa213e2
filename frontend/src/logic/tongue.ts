/** Which of the page's two languages a text is in, so that a screen reader speaks it as such. Pure. */

/** Among the most frequent words of each language and hardly ever words of the other. */
const WORDS = {
  "pt-BR":
    "que não um uma de da do das dos na nos nas em por para com mais mas os ele ela eles elas seu sua seus suas ou quando muito já também só pelo pela até isso entre depois sem mesmo quem esse essa este esta você nem qual nós são está ser foi há então porque como é à às ao aos ter tem pode sobre cada onde ainda",
  en: "the of and to in is that it for was on are with his they be this from have by had but what all were when we there can an your which their said if will each about how up out then she these would other into more like him see could than been its who now people over did only may after where most you i my not should any give write",
} as const;

export type Tongue = keyof typeof WORDS;

const TONGUES = Object.keys(WORDS) as Tongue[];
const KNOWN = new Map<string, Tongue>(TONGUES.flatMap((tongue) => WORDS[tongue].split(" ").map((word) => [word, tongue] as const)));

const LOOKED_AT = 4_000; // characters: more of a text says no more of it
const FEWEST = 2;
/** How many more words of the one than of the other. */
const MARGIN = 2;

/** Code is in no language of people. */
const CODE = /```[^]*?(?:```|$)|`[^`\n]*`/g;

/** undefined: nobody can say; a wrong voice is worse than the page's own. */
export function tongueOf(text: string): Tongue | undefined {
  const counts: Record<Tongue, number> = { "pt-BR": 0, en: 0 };
  for (const word of text.slice(0, LOOKED_AT).replace(CODE, " ").toLowerCase().match(/[\p{L}\p{M}]+/gu) ?? []) {
    const tongue = KNOWN.get(word);
    if (tongue) counts[tongue]++;
  }
  return TONGUES.find((one) => TONGUES.every((other) => one === other || (counts[one] >= FEWEST && counts[one] > MARGIN * counts[other])));
}
