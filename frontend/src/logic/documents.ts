/** What a document may be before it is sent, and what is on its way. Pure. */
import type { Document, DocumentList, Heading } from "../types";

export const DOCUMENT_BYTES = 10_000_000; // of one: src/foreverus/documents/reading/records.py
export const ACCEPTED = ".pdf,.docx,.md,.markdown,.txt,.text";

/** `waiting`: for those before it. `failed`: it may be sent again; `refused`: not as it is. */
export interface DocumentUpload {
  /** Of each try the same: nothing is made twice. */
  readonly key: string;
  readonly file: File;
  /** Once the server has it. */
  readonly id: string | null;
  readonly state: "waiting" | "sending" | "failed" | "refused";
  readonly sent: number;
  readonly trouble: string;
}

/** Why a file is not even sent, with what the sentence about it says. */
export interface NotSent {
  readonly why: "kind" | "size" | "empty" | "count" | "room";
  readonly left: number;
}

/** What still fits beside those that are there and those that are on their way. */
export function roomOf(list: DocumentList, going: readonly DocumentUpload[]): { documents: number; bytes: number } {
  const counted = going.filter((one) => one.state !== "refused" && !list.data.some(({ id }) => id === one.id));
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
  return {
    documents: list.most_documents - list.data.length - counted.length,
    bytes: list.most_bytes - sum(list.data.map((one) => one.bytes)) - sum(counted.map((one) => one.file.size)),
  };
}

/** null: it may be sent. */
export function whyNot(file: Pick<File, "name" | "size">, room: { documents: number; bytes: number }): NotSent | null {
  const no = (why: NotSent["why"], left = 0) => ({ why, left });
  if (!/\.(pdf|docx|md|markdown|txt|text)$/i.test(file.name)) return no("kind");
  if (file.size === 0) return no("empty");
  if (file.size > DOCUMENT_BYTES) return no("size");
  if (room.documents < 1) return no("count");
  return file.size > room.bytes ? no("room", Math.max(0, room.bytes)) : null;
}

/** Something of it changes by itself. */
export const isRead = (one: Document): boolean => one.status === "reading";

/** How far into its text a place is, for what has no pages: 0 to 1; null: nobody knows. */
export function shareOf(start: number, document: Document | undefined): number | null {
  return document?.characters ? Math.min(1, start / document.characters) : null;
}

/** Under which heading a place stands: the last one that begins before it; empty: none, or nobody knows. */
export const headingAt = (start: number, headings: readonly Heading[] | undefined): string =>
  headings?.findLast((one) => one.start <= start)?.text ?? "";

/** How soon its reading is over changes; until then it is looked at again and again. */
export const someAreRead = (list: DocumentList | null): boolean => list?.data.some(isRead) ?? false;
