import { expect, it } from "vitest";
import { batchOf, filled, likelyPrompt, tableOf, unknownNames, type Table } from "../src/logic/tables";

const file = (name: string, text: string) => new File([text], name);
const read = async (name: string, text: string) => (await tableOf(file(name, text)))!;
const lines = async (made: File) => (await made.text()).trim().split("\n").map((line) => JSON.parse(line));

it("reads spreadsheets as they are written in Brazil and elsewhere", async () => {
  const text = '\ufeffid;pergunta;nota\r\n1;"Quem foi ""Zumbi""?\r\nExplique; em duas linhas";10\r\n2;Crase;\r\n\r\n';
  const table = await read("prova.csv", text);
  expect(table.columns).toEqual(["id", "pergunta", "nota"]);
  expect(table.rows).toEqual([
    ["1", 'Quem foi "Zumbi"?\r\nExplique; em duas linhas', "10"],
    ["2", "Crase", ""],
  ]);
  expect(likelyPrompt(table)).toBe("{{pergunta}}");
  expect((await read("a.csv", "x,x,\n1,2,3")).columns).toEqual(["x", "x 2", "3"]);
  expect((await read("a.tsv", "a\tb\n1\t2")).rows).toEqual([["1", "2"]]);
});

it("reads what is not UTF-8 as it was meant: no letter is lost", async () => {
  const text = "id;questão\r\n1;«Ação» é de 5º? Não\r\n";
  const windows = Uint8Array.from([...text], (c) => c.charCodeAt(0));
  const utf16 = (bigEndian: boolean) => {
    const view = new DataView(new ArrayBuffer(2 * text.length + 2));
    [0xfeff, ...[...text].map((c) => c.charCodeAt(0))].forEach((unit, i) => view.setUint16(2 * i, unit, !bigEndian));
    return view.buffer;
  };
  for (const bytes of [new TextEncoder().encode(text), new TextEncoder().encode(`\ufeff${text}`), windows, utf16(true), utf16(false)]) {
    const table = (await tableOf(new File([bytes], "prova.csv")))!;
    expect(table.columns).toEqual(["id", "questão"]);
    expect(table.rows).toEqual([["1", "«Ação» é de 5º? Não"]]);
  }
});

it("reads questions as exams have them, and lists of lines", async () => {
  const exam = ['{"id":"enem-92","turns":["O exoesqueleto…"],"label":"D","n":3,"more":{"a":1}}', '{"id":"enem-94","turns":["a","b"]}'];
  const table = await read("enem.jsonl", exam.join("\n"));
  expect(table.columns).toEqual(["id", "turns", "label", "n", "more"]);
  expect(table.rows).toEqual([["enem-92", "O exoesqueleto…", "D", "3", '{"a":1}'], ["enem-94", "a\nb", "", "", ""]]);
  expect((await read("a.json", `[${exam.join(",")}]`)).rows).toHaveLength(2);
  expect(await read("a.txt", "one\n\n  two \r\n")).toEqual({ name: "a.txt", columns: ["text"], rows: [["one"], ["two"]] });
});

it("leaves to the check what is a batch, or nothing of the kind", async () => {
  for (const text of ['{"custom_id":"1","body":{}}', '{"custom_id":', "{]", "[1,2]", "[]", '{"a":1}\nnot json', ""]) {
    expect(await tableOf(file("a.jsonl", text)), text).toBeNull();
  }
  expect(await tableOf(file("a.csv", "only a head"))).toBeNull();
  expect(await tableOf(file("a.txt", " \n \n"))).toBeNull();
});

it("makes a valid batch: ids, model, instructions, limit; empty rows ask nothing", async () => {
  const table: Table = { name: "prova.csv", columns: ["id", "q", "Nota máxima"], rows: [["a", "Oi", "10"], ["b", " ", "9"], ["c", "{{q}} $& $1", "8"]] };
  const made = batchOf(table, { system: "Nota até {{ Nota máxima }}", prompt: "{{q}}", maxTokens: 50 }, "m");
  expect(made.name).toBe("prova.jsonl");
  expect(await lines(made)).toEqual([
    {
      custom_id: "a",
      method: "POST",
      url: "/v1/chat/completions",
      body: { model: "m", messages: [{ role: "system", content: "Nota até 10" }, { role: "user", content: "Oi" }], max_tokens: 50 },
    },
    expect.objectContaining({ custom_id: "c" }),
  ]);
  expect(filled("{{q}}", table, table.rows[2]!)).toBe("{{q}} $& $1");
  const twice = { ...table, rows: [["a", "x", ""], ["a", "y", ""]] };
  expect((await lines(batchOf(twice, { system: "", prompt: "{{q}}", maxTokens: null }, "m"))).map((one) => one.custom_id)).toEqual(["1", "2"]);
});

it("says which names are no columns", () => {
  const table: Table = { name: "a", columns: ["q"], rows: [] };
  expect(unknownNames("{{q}} {{ r }} {{}} { {s} } {{r}}", table)).toEqual(["r"]);
});
