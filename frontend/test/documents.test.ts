import { beforeEach, expect, it, vi } from "vitest";
import { documentActions } from "../src/actions/documents";
import { hashOf, place } from "../src/actions/places";
import { ApiError } from "../src/api";
import { documents, uploads } from "../src/documents";
import { DOCUMENT_BYTES, roomOf, shareOf, whyNot, type DocumentUpload } from "../src/logic/documents";
import { readPlace, textOfPlace } from "../src/logic/textPlace";
import { UploadError } from "../src/logic/upload";
import type { DocumentList } from "../src/types";
import { aDocument } from "./made";

const list = (changes: Partial<DocumentList> = {}): DocumentList => ({
  ...{ object: "list", data: [], has_more: false, enabled: true, budget_tokens: 1_500, most_documents: 3, most_bytes: 20_000_000 },
  ...changes,
});
const room = { documents: 3, bytes: 20_000_000 };
const file = (name: string, size = 10) => new File(["x".repeat(size)], name);

it.each([
  ["a.pdf", 1, null],
  ["Relatório final.DOCX", DOCUMENT_BYTES, null],
  ["notes.markdown", 5, null],
  ["a.doc", 5, "kind"],
  ["pdf", 5, "kind"],
  ["a.pdf.exe", 5, "kind"],
  ["a.txt", 0, "empty"],
  ["a.txt", DOCUMENT_BYTES + 1, "size"],
])("%s of %d bytes: %s", (name, size, why) => {
  expect(whyNot({ name, size }, room)?.why ?? null).toBe(why);
});

it("counts those that are there and those that are on their way, each once", () => {
  const going = (changes: Partial<DocumentUpload>): DocumentUpload => ({ key: "k", file: file("a.md", 100), id: null, state: "waiting", sent: 0, trouble: "", ...changes });
  const there = list({ data: [aDocument({ id: "doc_1", bytes: 1_000 })] });
  expect(roomOf(there, [])).toEqual({ documents: 2, bytes: 19_999_000 });
  expect(roomOf(there, [going({}), going({ id: "doc_1" }), going({ state: "refused" })])).toEqual({ documents: 1, bytes: 19_998_900 });
  expect(whyNot(file("a.md"), { documents: 0, bytes: 1_000 })?.why).toBe("count");
  expect(whyNot(file("a.md", 30), { documents: 1, bytes: 20 })).toEqual({ why: "room", left: 20 });
});

it("a place has an address, and what is none is none", () => {
  const one = { document_id: "doc_1", start: 0, end: 980, page: 3 };
  const to = { area: "docs", id: textOfPlace(one) } as const;
  expect(place(hashOf(to))).toEqual(to);
  expect(readPlace(to.id)).toEqual(one);
  for (const broken of [null, "", "doc_1", "doc_1/1/2", "doc_1/a/2/3", "doc_1/1/2/3/4", "doc_1/-1/2/3"]) expect(readPlace(broken)).toBeNull();
  expect(hashOf({ area: "docs", id: null })).toBe("#d");
});

it("says how far into a text something is", () => {
  expect(shareOf(900, aDocument({ characters: 1_000 }))).toBe(0.9);
  expect(shareOf(9, aDocument({ characters: 0 }))).toBeNull();
  expect(shareOf(9, undefined)).toBeNull();
});

beforeEach(() => {
  documents.value = list();
  uploads.value = [];
});

/** Answers POST with a new document of the same id, and notes keys. */
function serving(refused?: ApiError) {
  const keys: string[] = [];
  const call = vi.fn((method: string, path: string, options: { key?: string } = {}) => {
    if (method === "POST" && path === "/documents") {
      keys.push(options.key!);
      if (refused) return Promise.reject(refused);
      return Promise.resolve(aDocument({ id: "doc_1", status: "uploaded", upload: { method: "PUT", url: "u", headers: {}, expires_at: 0 } }));
    }
    return Promise.resolve(method === "GET" ? list() : {});
  });
  return { call, keys };
}
const done = () => vi.waitFor(() => expect(uploads.value.every(({ state }) => state !== "waiting" && state !== "sending")).toBe(true));

it("sends again what broke off, as the same document, and keeps it where it never gets through", async () => {
  const { call, keys } = serving();
  let broken = 2;
  const send = vi.fn(() => (broken-- > 0 ? Promise.reject(new UploadError(0)) : Promise.resolve()));
  const actions = documentActions({ call } as never, () => Promise.resolve(), send);
  actions.add([file("a.md"), file("b.md"), file("c.exe")]);
  await done();
  expect(uploads.value.map(({ file, state }) => [file.name, state])).toEqual([["c.exe", "refused"]]);
  expect(send).toHaveBeenCalledTimes(4);
  expect(new Set(keys.slice(0, 3)).size).toBe(1);
  expect(new Set(keys).size).toBe(2);

  broken = 99;
  actions.add([file("d.md")]);
  await done();
  const [, failed] = uploads.value;
  expect(failed?.state).toBe("failed");
  expect(failed?.trouble).toMatch(/^A conexão caiu/);
  broken = 0;
  actions.again(failed!.key);
  await done();
  expect(uploads.value).toHaveLength(1);
  expect(new Set(keys.slice(4)).size).toBe(1);
});

it("does not offer to send again what was refused, and drops what the server has of one that is stopped", async () => {
  const { call } = serving(new ApiError(409, "No room.", "too_many_documents"));
  documentActions({ call } as never).add([file("a.md")]);
  await done();
  expect(uploads.value[0]).toMatchObject({ state: "refused", trouble: expect.stringMatching(/^Já há o máximo/) });
  uploads.value = [];

  const other = serving();
  const actions = documentActions({ call: other.call } as never, undefined, () => new Promise(() => undefined));
  actions.add([file("b.md")]);
  await vi.waitFor(() => expect(uploads.value[0]?.id).toBe("doc_1"));
  actions.drop(uploads.value[0]!);
  expect(uploads.value).toEqual([]);
  expect(other.call).toHaveBeenCalledWith("DELETE", "/documents/doc_1");
});
