/** What of a question says something lasting about the person who asks it: by a few rules, in Portuguese and English,
 * without a model. They would rather miss something than take a sentence for what it is not. Pure. */
import { asMemory } from "./remember";
import { sentences } from "./sentences";

const MOST_READ = 1_000; // characters of a question: what is longer was most likely pasted
const MOST_SAID = 200; // of a sentence

const END = "(?=[\\s,.;:!]|$)"; // of a word: \b knows no accents
const GREETING = /^(?:(?:hi|hello|hey|ol[áa]|oi|bom dia|boa tarde|boa noite|good (?:morning|afternoon|evening))(?: [^\s,]+)?|bem|well|então), (?=\S)/iu;
const THEM = "you|him|her|them|this|that|it";
const words = (...all: string[]) => all.join("|");

const STATEMENTS = [
  // English
  "my name(?: is|['’]s) \\S",
  "i(?: am|['’]m) (?:called|from) \\S",
  "i live in \\S",
  `i prefer (?!not to (?:say|answer|talk)|(?:${THEM})${END})\\S`,
  `i(?: am|['’]m) an? (?!(?:bit|little|lot|tad|few|couple|while|fool|idiot|mess|big fan|huge fan)${END})\\S`,
  `i work (?:as|at|for|in|with) (?!(?:${THEM}|progress)${END})\\S`,
  `i study (?!(?:${THEM})${END})\\S`,
  // Portuguese: some of these are nouns too ("Trabalho em grupo", "Estudo de caso"), and "sou" much else.
  "(?:o )?meu nome é \\S",
  `(?:eu )?(?:me chamo|chamo-me) (?!(?:a atenção|de|por)${END})\\S`,
  "(?:eu )?moro (?:em|no|na|nos|nas|perto|sozinh[oa]|com) ?\\S",
  `(?:eu )?prefiro (?!não (?:dizer|falar|responder|comentar)|(?:isso|isto|esse|essa|este|esta|ele|ela)${END})\\S`,
  `(?:eu )?sou (?!(?:${words("eu", "obrigad[oa]s?", "grat[oa]", "capaz", "só", "tod[oa]", "contra", "a favor", "mais", "menos", "quem", "o único", "a única", "[oa] mesm[oa]", "seu", "sua", "teu", "tua", "assim", "dess[ea]s?")})${END})\\S`,
  `(?:eu )?trabalho (?:com|em|no|na|nos|nas|como|para|pra) (?!(?:${words("grupo", "equipe", "dupla", "andamento", "progresso", "altura", "ele", "ela", "isso", "isto", "voc[êe]s?")})${END})\\S`,
  `(?:eu )?estudo (?!(?:${words("de", "d[oa]s?", "sobre", "dirigido", "comparativo", "clínico", "recente", "feito", "realizado", "publicado", "mostra", "aponta", "revela", "indica", "diz", "sugere", "conclui", "isso", "isto")})${END})\\S`,
];
const STATEMENT = new RegExp(`^(?:${STATEMENTS.join("|")})`, "iu");
/** Code, addresses, what somebody else has said, and what something is to be done with ("Translate: I am a teacher."). */
const FOREIGN = /[`{}<>=\\|"“”«»*_#]|\(\)|:\/\/|[:;](?:\s|$)/u;
const FENCED = /```[^]*?(?:```|$)/gu;

/** The first such sentence, alone and as it is kept; null: there is none. A question is none, nor is anything from where
 * something foreign begins. */
export function suggestedMemory(question: string): string | null {
  if (question.length > MOST_READ) return null;
  for (const part of sentences(question.replace(FENCED, "\n"), "pt")) {
    if (FOREIGN.test(part)) return null;
    const said = asMemory(part).replace(GREETING, "");
    const offers = said.length <= MOST_SAID && !said.includes("?") && STATEMENT.test(said);
    if (offers) return said.charAt(0).toUpperCase() + said.slice(1);
  }
  return null;
}
