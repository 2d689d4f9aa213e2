/** A person's documents: sent, watched while they are read, tried, opened at a place, deleted with a way back. */
import { ApiError, type Api } from "../api";
import { documents, headings, leavingDocuments, uploads } from "../documents";
import { language, t } from "../i18n";
import { backoffMs } from "../logic/backoff";
import { DOCUMENT_BYTES, isRead, roomOf, whyNot, type DocumentUpload } from "../logic/documents";
import { bytes, number } from "../logic/format";
import type { TextPlace } from "../logic/textPlace";
import { put, UploadError } from "../logic/upload";
import type { Document, DocumentList, DocumentText, PassageList } from "../types";
import { UNDO_MS } from "./chats";
import { explain, offerUndo, report, say } from "./notices";
import { fetching } from "./unfetched";

export const DOCUMENTS = "documents"; // as actions/unfetched.ts knows them
const TRIES = 4;
const TEXT_MS = 60_000; // of a long document the whole text is looked through
let newest = 0;
let sending = false;
const stops = new Map<string, AbortController>();

function passes(error: unknown): boolean {
  if (error instanceof ApiError) return error.passing;
  return error instanceof UploadError && (error.status === 0 || error.status === 408 || error.status >= 500);
}

function change(key: string, by: Partial<DocumentUpload>): void {
  uploads.value = uploads.value.map((one) => (one.key === key ? { ...one, ...by } : one));
}

const without = (key: string) => (uploads.value = uploads.value.filter((one) => one.key !== key));

/** What was being read and is not any more is told. */
function tell(before: DocumentList | null, now: DocumentList): void {
  const was = new Set(before?.data.filter(isRead).map(({ id }) => id));
  for (const { id, status, filename } of now.data) {
    if (was.has(id) && (status === "ready" || status === "failed")) say(t(`docs.said.${status}`, { name: filename }));
  }
}

export function documentActions({ call }: Pick<Api, "call">, wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms)), send = put) {
  const of = (id: string) => `/documents/${encodeURIComponent(id)}`;

  /** The newest answer counts. Rejects where nobody answers. */
  async function look(): Promise<void> {
    const mine = ++newest;
    const found = await call<DocumentList>("GET", "/documents");
    if (mine !== newest || !found) return;
    tell(documents.value, found);
    documents.value = found;
  }
  const refresh = () => fetching(DOCUMENTS, look);

  /** Each try asks for an address of the same document: what an earlier one has brought stays. */
  async function once({ key, file }: DocumentUpload, signal: AbortSignal): Promise<void> {
    const body = { filename: file.name, bytes: file.size };
    const made = await call<Document>("POST", "/documents", { body, key });
    change(key, { id: made.id, sent: 0 });
    if (signal.aborted) void call("DELETE", of(made.id)).catch(() => undefined).then(refresh); // it was stopped meanwhile
    signal.throwIfAborted();
    if (!made.upload) throw new Error("POST /documents: no upload address");
    await send(made.upload, file, signal, (sent) => change(key, { sent }));
  }

  async function upload(one: DocumentUpload): Promise<void> {
    const stop = new AbortController();
    stops.set(one.key, stop);
    change(one.key, { state: "sending", sent: 0, trouble: "" });
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await once(one, stop.signal);
          break;
        } catch (error) {
          if (stop.signal.aborted || !passes(error) || attempt + 1 >= TRIES) throw error;
          await wait(backoffMs(attempt));
          stop.signal.throwIfAborted();
        }
      }
      without(one.key);
      say(t("docs.said.sent", { name: one.file.name }));
      await refresh();
    } catch (error) {
      if (stop.signal.aborted) return;
      if (error instanceof ApiError && error.code === "signed_out") report(error);
      const trouble = error instanceof UploadError ? t("docs.broken") : explain(error);
      change(one.key, { state: error instanceof ApiError && !error.passing ? "refused" : "failed", trouble });
    } finally {
      stops.delete(one.key);
    }
  }

  /** One after the other: two would share the line. */
  async function sendAll(): Promise<void> {
    if (sending) return;
    sending = true;
    try {
      for (let next; (next = uploads.value.find((one) => one.state === "waiting")); ) await upload(next);
    } finally {
      sending = false;
    }
  }

  return {
    refresh,
    look,

    /** What is not sent says why, and what would help. */
    add(files: Iterable<File>): void {
      const list = documents.value;
      if (!list?.enabled) return;
      for (const file of files) {
        const not = whyNot(file, roomOf(list, uploads.value));
        const [size, most, left] = [file.size, DOCUMENT_BYTES, not?.left ?? 0].map((n) => bytes(n, language.value)) as [string, string, string];
        const n = number(list.most_documents, language.value);
        const trouble = not ? t(`docs.bad.${not.why}`, { name: file.name, size, most, left, n }) : "";
        const one = { key: crypto.randomUUID(), file, id: null, sent: 0, trouble };
        uploads.value = [...uploads.value, { ...one, state: not ? "refused" : "waiting" }];
      }
      void sendAll();
    },

    again(key: string): void {
      change(key, { state: "waiting", trouble: "", sent: 0 });
      void sendAll();
    },

    /** It is not sent, or not any more; what of it the server has goes. */
    drop({ key, id }: DocumentUpload): void {
      stops.get(key)?.abort();
      without(key);
      const now = uploads.value.find((one) => one.key === key)?.id ?? id;
      if (now) void call("DELETE", of(now)).catch(() => undefined).then(refresh);
    },

    /** It is out of the list at once, and deleted when nobody has taken that back in a while. */
    remove({ id, filename }: Document): void {
      if (leavingDocuments.value.has(id)) return;
      leavingDocuments.value = new Set([...leavingDocuments.value, id]);
      const stays = () => (leavingDocuments.value = new Set([...leavingDocuments.value].filter((one) => one !== id)));
      offerUndo(t("docs.deleted", { name: filename }), UNDO_MS, stays, () => {
        call<unknown>("DELETE", of(id), { keepalive: true })
          .catch((error: unknown) => {
            if (!(error instanceof ApiError && error.status === 404)) report(error);
          })
          .then(refresh)
          .finally(stays);
      });
    },

    /** Of those that have some and were not asked for yet. Where they do not come nobody is told: the place is there. */
    async learnHeadings(ids: readonly string[]): Promise<void> {
      const wanted = ids.filter((id) => !(id in headings.peek()) && documents.peek()?.data.some((one) => one.id === id && one.has_headings));
      const learn = async (id: string) => {
        headings.value = { ...headings.value, [id]: [] }; // it is asked for once
        try {
          headings.value = { ...headings.value, [id]: (await call<Document>("GET", of(id))).headings ?? [] };
        } catch {
          const { [id]: _, ...others } = headings.value;
          headings.value = others;
        }
      };
      await Promise.all([...new Set(wanted)].map(learn));
    },

    /** Rejects with what went wrong. */
    search: (question: string) => call<PassageList>("POST", "/documents/search", { body: { question } }),

    /** What stands there, and around it. Rejects with what went wrong. */
    text: ({ document_id, start, end }: TextPlace) =>
      call<DocumentText>("GET", `${of(document_id)}/text?start=${start}&end=${end}`, { signal: AbortSignal.timeout(TEXT_MS) }),

    /** What a million tokens of a question cost on Bedrock, in US$; null: there is none, or nobody says. */
    async promptPrice(): Promise<number | null> {
      const { data } = await call<{ data: { backends?: { backend: string; usd_per_million_prompt_tokens: number | null }[] }[] }>("GET", "/models");
      return data[0]?.backends?.find((one) => one.backend === "bedrock")?.usd_per_million_prompt_tokens ?? null;
    },
  };
}

export type DocumentActions = ReturnType<typeof documentActions>;
