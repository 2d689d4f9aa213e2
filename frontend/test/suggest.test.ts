import { expect, test } from "vitest";
import { MEMORY_CHARACTERS } from "../src/logic/remember";
import { suggestedMemory } from "../src/logic/suggest";

/** A question, and what of it is offered; without the latter the question itself. */
const ENGLISH: readonly (readonly [string, string?])[] = [
  ["My name is Ana."],
  ["My name's Ana Souza."],
  ["my name is ana", "My name is ana"],
  ["Hi, my name is Ana. Can you help me?", "My name is Ana."],
  ["Good morning, I am a nurse.", "I am a nurse."],
  ["I live in Salvador."],
  ["I live in São Paulo. What is the weather like?", "I live in São Paulo."],
  ["What should I cook tonight? I am a vegetarian.", "I am a vegetarian."],
  ["I am from Recife."],
  ["I'm from Recife!"],
  ["I’m an engineer and I like short answers."],
  ["I am a teacher of chemistry."],
  ["I'm a beginner in Python.\nHow do I read a file?", "I'm a beginner in Python."],
  ["I prefer short answers."],
  ["I prefer not to eat meat."],
  ["Please be brief. I prefer tables to prose.", "I prefer tables to prose."],
  ["I work as a lawyer."],
  ["I work at a public hospital."],
  ["I work with solar panels."],
  ["I study medicine."],
  ["I am a doctor (a cardiologist)."],
  ["I am a widow with 2 children, 7 and 9."],
];

const PORTUGUESE: readonly (readonly [string, string?])[] = [
  ["Meu nome é Ana."],
  ["O meu nome é Ana."],
  ["meu nome é ana", "Meu nome é ana"],
  ["Oi, meu nome é João. Me ajuda com uma conta?", "Meu nome é João."],
  ["Me chamo Ana."],
  ["Eu me chamo Ana."],
  ["Chamo-me Ana."],
  ["Bom dia, moro em Salvador.", "Moro em Salvador."],
  ["Moro no Rio de Janeiro."],
  ["Eu moro na zona rural de Feira de Santana."],
  ["Qual o melhor horário? Moro em Manaus.", "Moro em Manaus."],
  ["Prefiro respostas curtas."],
  ["Eu prefiro exemplos com números."],
  ["Prefiro não comer carne."],
  ["Sou professora."],
  ["Eu sou professora de química."],
  ["Sou muito alérgico a amendoim."],
  ["Sou uma pessoa cega e uso leitor de tela."],
  ["Trabalho com vendas."],
  ["Trabalho em uma escola pública."],
  ["Eu trabalho na prefeitura."],
  ["Estudo medicina.\nO que é sístole?", "Estudo medicina."],
  ["Olá! Estudo direito à noite.", "Estudo direito à noite."],
];

const OFFERED = [...ENGLISH, ...PORTUGUESE].map(([question, offered]) => ({ question, offered: offered ?? question }));

test.each(OFFERED)("$question", ({ question, offered }) => expect(suggestedMemory(question)).toBe(offered));

const NOT_ENGLISH = [
  "",
  "What is a queue?",
  "I live in Rio, what can I see there?",
  "Am I a teacher?",
  "I am a teacher?",
  "My name is what?",
  "I am a bit confused.",
  "I'm a little lost.",
  "I am late.",
  "I prefer that.",
  "I prefer not to say.",
  "I work with you on this.",
  "If I live in Rio, I pay less.",
  "She said I am a genius.",
  "“I am a teacher.”",
  '"I live in Rio."',
  "> I am a teacher.",
  "Translate: I am a teacher.",
  "Translate into Portuguese:\nI am a teacher.\nI live in Rio.",
  "Correct my text:\n\nMy name is Ana.",
  "```\nI am a comment.\n```",
  "What does this do?\n```python\n# I am a comment.\nI live in code.\n```",
  "I am a = 5;",
  "i am a <div>",
  "I am an f() that calls g()",
  "const name = 'I am a string';",
  "You are a teacher. Explain light.",
  "My names are many.",
  "I study it.",
  "Hamlet: I am a prince.",
];

const NOT_PORTUGUESE = [
  "Sou obrigado a votar?",
  "Sou obrigado a votar aos 17 anos, mesmo no exterior?",
  "Sou obrigada a votar.",
  "Sou eu de novo.",
  "Sou capaz de fazer isso sozinho.",
  "Sou grata pela ajuda!",
  "Só sei que nada sei.",
  "Meu nome é feio?",
  "Meu nome vem de onde?",
  "Moro em Salvador, o que faço no domingo?",
  "Se eu moro em Salvador, pago menos.",
  "Prefiro não dizer.",
  "Prefiro isso.",
  "Trabalho de conclusão de curso sobre energia.",
  "Trabalho em grupo é difícil.",
  "Trabalho em equipe: vantagens e desvantagens.",
  "Estudo de caso: a padaria do bairro.",
  "Estudo mostra que café faz bem.",
  "O estudo da língua é longo.",
  "Traduza: sou professora.",
  "Traduza para o inglês:\nMoro em Salvador. Sou professora.",
  "Ele disse que mora em Salvador.",
  "«Sou professora.»",
  "`sou uma variável`",
  "Qual o resultado?\n```\nsou uma linha de código\n```",
  "Me chama amanhã.",
  "Sou todo ouvidos.",
  "Soube que você mora em Recife.",
];

test.each([...NOT_ENGLISH, ...NOT_PORTUGUESE])("nothing is offered: %s", (question) => expect(suggestedMemory(question)).toBeNull());

/** The same numbers each time. */
function random(seed: number): () => number {
  return () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const said = [...ENGLISH, ...PORTUGUESE].map(([question]) => question).filter((one) => !one.includes("?") && !one.includes("\n"));
const bits = [...said, ...NOT_ENGLISH, ...NOT_PORTUGUESE, "?", ":", "```", "\n", "\n\n", "😀", "\ud83d", "\0", "...", "— ", "1. ", "(", "ção", " "];

test("whatever is put together: what is offered is one plain sentence of it, and of no question", () => {
  const next = random(7);
  for (let round = 0; round < 3_000; round++) {
    const question = Array.from({ length: 1 + next() * 6 }, () => bits[Math.floor(next() * bits.length)]!).join(next() < 0.5 ? " " : "");
    const offered = suggestedMemory(question);
    if (offered === null) continue;
    const line = question.split(/\s+/u).join(" ");
    expect(line.toLocaleLowerCase()).toContain(offered.toLocaleLowerCase());
    expect(offered).not.toMatch(/[?`\n{}<>]/u);
    expect([...offered].length).toBeLessThanOrEqual(MEMORY_CHARACTERS);
    expect(offered).toMatch(/^\p{Lu}/u);
  }
});

test.each(said)("asked, or quoted, it is not offered: %s", (statement) => {
  const bare = statement.replace(/[.!]$/, "");
  for (const question of [`${bare}?`, `“${bare}.”`, `"${bare}"`, `Traduza: ${bare}`, `Translate this:\n${bare}.`, `\`${bare}\``, `> ${bare}`]) {
    expect(suggestedMemory(question)).toBeNull();
  }
});

test("a long text is read as what was pasted, and costs nothing", () => {
  expect(suggestedMemory("I am a teacher. " + "And so on. ".repeat(100))).toBeNull();
  expect(suggestedMemory("I am a ".repeat(140_000))).toBeNull();
  expect(suggestedMemory(`I am a ${"very ".repeat(60)}old teacher.`)).toBeNull();
});
