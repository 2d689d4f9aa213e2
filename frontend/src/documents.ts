/** A person's documents: read where they are opened. Only the files in actions/ write here. */
import { signal } from "@preact/signals";
import type { DocumentUpload } from "./logic/documents";
import type { TextPlace } from "./logic/textPlace";
import type { DocumentList, Heading } from "./types";

/** null: the server has not said yet. */
export const documents = signal<DocumentList | null>(null);
/** Of each document that was asked for by itself, its headings. */
export const headings = signal<Readonly<Record<string, readonly Heading[]>>>({});
/** Those that are deleted in a few seconds, unless somebody takes it back. */
export const leavingDocuments = signal<ReadonlySet<string>>(new Set());
/** What is on its way from here, and what did not get through. */
export const uploads = signal<readonly DocumentUpload[]>([]);
/** The place in a document that lies open over the page. */
export const reading = signal<TextPlace | null>(null);
