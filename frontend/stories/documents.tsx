/** A person's documents, what answers were given of them, and their text. */
import { documents, headings, leavingDocuments, reading, uploads } from "../src/documents";
import { NO_CHAT } from "../src/logic/chat";
import type { DocumentUpload } from "../src/logic/documents";
import type { Document, DocumentList, Message, PassageList, Sources as Found } from "../src/types";
import * as state from "../src/state";
import { ChatView } from "../src/ui/ChatView";
import Documents from "../src/ui/Documents";
import Reader from "../src/ui/Reader";
import { aDocument, conversation, message } from "../test/made";
import { pressing, silent, then, writing, type Stories, type Story } from "./kit";

const ALL: readonly Document[] = [
  aDocument(),
  aDocument({ id: "doc_2", filename: "Relatório de estágio, versão final revisada pela orientadora em novembro.docx", pages: 0, bytes: 84_000, cost_usd: 0 }),
  aDocument({ id: "doc_3", filename: "quimica.md", pages: 1, status: "reading", cost_usd: 0 }),
  aDocument({ id: "doc_4", filename: "late.txt", pages: 0, status: "uploaded", cost_usd: 0 }),
  aDocument({ id: "doc_5", filename: "prova.pdf", pages: 0, status: "failed", cost_usd: 0, error: { code: "document_protected", message: "It is protected." } }),
];
const list = (data: readonly Document[], enabled = true): DocumentList => ({
  ...{ object: "list", has_more: false, enabled, budget_tokens: 1_500, most_documents: 100, most_bytes: 100_000_000 },
  data: [...data],
});
const TEXT = "Light is scattered by air: short waves far more than long ones.\n\nSo blue comes from everywhere.";
const PLACE = { document_id: "doc_1", start: 900, end: 990, page: 3 };
const PASSAGE: PassageList["data"][number] = {
  ...{ object: "passage", document_id: "doc_1", filename: "notes.pdf", number: 7, text: TEXT, page: 3, heading: "" },
  ...{ start: 900, end: 990, similarity: 0.7, by_words: true },
};
const PASSAGES: PassageList = { object: "list", has_more: false, why: null, data: [PASSAGE, { ...PASSAGE, document_id: "doc_2", filename: ALL[1]!.filename, heading: "2. Método", page: 0, number: 8, start: 18_000 }] };
const OPEN = { object: "document.text", document_id: "doc_1", filename: "notes.pdf", before: "Before it. ".repeat(40), text: TEXT, after: " After it.".repeat(40), start: 900, end: 990, characters: 36_000 };
const MODELS = { data: [{ backends: [{ backend: "bedrock", usd_per_million_prompt_tokens: 0.15 }] }] };

interface Served {
  all: DocumentList | null;
  found?: PassageList | Error;
  text?: object | Error;
}
const serving = ({ all, found, text }: Served) => ({
  call(method: string, path: string) {
    const answer = path === "/models" ? MODELS : path === "/documents" && method === "GET" ? all : path.endsWith("/search") ? found : text;
    return answer instanceof Error || !answer ? Promise.reject(answer ?? new Error("No answer.")) : Promise.resolve(answer);
  },
});

function area(all: DocumentList, more: Partial<Served> = {}, does?: Story["does"], set: () => void = () => undefined): Story {
  return {
    set() {
      documents.value = all;
      set();
    },
    show: () => <Documents api={serving({ all, ...more }) as never} />,
    ...(does && { does }),
  };
}
const asked = then(writing(".document-try input", "Why is the sky blue?"), (find) => new Promise((done) => setTimeout(() => void pressing(".document-try button")(find).then(done))));
const tried = (found: PassageList | Error) => area(list(ALL.slice(0, 2)), { found }, asked);

const going = (changes: Partial<DocumentUpload>): DocumentUpload => ({
  ...{ key: "a", file: new File(["x".repeat(1_000)], "aula-07.pdf"), id: null, state: "waiting", sent: 0, trouble: "", ...changes },
});

const SOME: Found = { found: [{ number: 1, document_id: "doc_1", page: 3, start: 900, end: 990 }, { number: 2, document_id: "doc_2", page: 0, start: 18_000, end: 18_900 }, { number: 3, document_id: "doc_9", page: 0, start: 0, end: 9 }], why: null };
const HEADINGS = { doc_1: [{ start: 0, text: "1. Aims" }, { start: 880, text: "2. Light, air and what \u202ebetween them is" }], doc_2: [{ start: 9, text: "Método e materiais, com tudo o que foi medido na segunda expedição ao rio, e por quem" }] };

function answer(sources: Found, content = "Air scatters it [1], says your report [2]; [7] is no source.", named: typeof headings.value = {}): Story {
  return {
    set() {
      documents.value = list(ALL.slice(0, 2));
      headings.value = named;
      state.current.value = "con_1";
      state.conversations.value = [conversation({ title: "The sky" })];
      const one = message({ id: "ans_1", role: "assistant", in_reply_to: "msg_1", status: "answered", content, sources } as Partial<Message>);
      state.chats.value = { con_1: { ...NO_CHAT, loaded: true, messages: [message({ content: "Why is the sky blue?" }), one] } };
    },
    show: () => <ChatView actions={{ api: serving({ all: list(ALL.slice(0, 2)) }) } as never} lists={silent as never} quotes={silent as never} />,
  };
}
const none = (why: NonNullable<Found["why"]>): [string, Story] => [`sources: ${why}`, answer({ found: [], why }, "It is blue.")];

const open = (text: object | Error, place = PLACE): Story => ({
  set() {
    documents.value = list(ALL);
    reading.value = place;
  },
  show: () => <Reader api={serving({ all: list(ALL), text }) as never} />,
});

export const DOCUMENTS: Stories = {
  "documents: on their way": { show: () => <Documents api={silent as never} /> },
  "documents: none": area(list([])),
  "documents: in each state": area(list(ALL)),
  "documents: one is deleted": area(list(ALL.slice(0, 2)), {}, undefined, () => (leavingDocuments.value = new Set(["doc_1"]))),
  "documents: off": area(list([], false)),
  "documents: off, and some are left": area(list(ALL.slice(0, 2), false)),
  "documents: uploads": area(list([]), {}, undefined, () => {
    uploads.value = [
      going({ state: "sending", sent: 400 }),
      going({ key: "b" }),
      going({ key: "c", state: "failed", trouble: "The connection broke off. Send it again." }),
      going({ key: "d", state: "refused", trouble: "“a.exe” is no text." }),
    ];
  }),
  "documents: a question finds some": tried(PASSAGES),
  "documents: a question finds one": tried({ ...PASSAGES, data: [PASSAGE] }),
  "documents: a question finds nothing": tried({ ...PASSAGES, data: [] }),
  "documents: a question wakes the database": tried({ ...PASSAGES, data: [], why: "database_waking" }),
  "documents: a question is not answered": tried(new Error("The server could not answer.")),
  "sources: some": answer(SOME),
  "sources: under headings": answer(SOME, undefined, HEADINGS),
  ...Object.fromEntries((["nothing_found", "database_waking", "database_unavailable", "embedding_unavailable"] as const).map(none)),
  "reader: a place": open(OPEN),
  "reader: the beginning": open({ ...OPEN, before: "", text: "", after: "All of it.", start: 0, end: 0, characters: 10 }, { ...PLACE, start: 0, end: 0, page: 0 }),
  "reader: not to be had": open(new Error("This document is gone. Look at the list again.")),
};
