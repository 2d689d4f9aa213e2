import { ApiError } from "../api";
import { fill, known, language } from "../i18n";
import { span } from "../logic/format";
import type { Trace } from "../logic/outbox";
import { expired, notices, said } from "../state";

let next = 1;

export function notify(text: string, trace?: Trace): void {
  if (notices.value.some((notice) => notice.text === text)) return;
  notices.value = [...notices.value, { id: next++, text, trace }];
}

const SAID_MS = 7_000; // whoever reads the page from end to end finds no old news

/** To screen readers. What comes close behind does not cut it off: each is a line of its own, and goes after a while. */
export function say(text: string): void {
  if (!text) return;
  const line = { id: next++, text };
  said.value = [...said.value, line];
  setTimeout(() => (said.value = said.value.filter((one) => one !== line)), SAID_MS);
}

/** News that can be taken back for `ms`; then, or when the page is left, `done` is called. */
export function offerUndo(text: string, ms: number, undo: () => void, done: () => void): void {
  const id = next++;
  let open = true;
  const end = (by: () => void) => () => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    window.removeEventListener("pagehide", finish);
    dismiss(id);
    by();
  };
  const finish = end(done);
  const timer = setTimeout(finish, ms);
  window.addEventListener("pagehide", finish);
  notices.value = [...notices.value, { id, text, undo: end(undo) }];
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** The API speaks English: its own sentence says more than one for all errors of a status, to those who read that. Others
 * get it behind one in their language, where it is about what they have sent. */
function ofStatus(error: ApiError): string | undefined {
  const isBare = /^HTTP \d+$/.test(error.message);
  if (language.value === "en" && !isBare) return undefined;
  const text = known("error", `${error.status}`);
  return text && (error.code || error.status === 400) && !isBare ? `${text} (${error.message})` : text;
}

/** An error in the person's language where we know it, else as the server put it. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const text = known("error", error.code) ?? ofStatus(error);
  return text === undefined ? error.message : fill(text, { wait: span(error.retryAfter ?? 0) });
}

/** What finds it in the log, where the API has answered at all. */
export function traceOf(error: unknown): Trace | undefined {
  if (!(error instanceof ApiError) || !error.requestId) return undefined;
  return { id: error.requestId, code: error.code, status: error.status };
}

export function report(error: unknown): void {
  if (error instanceof ApiError && error.code === "signed_out") expired.value = true;
  else notify(explain(error), traceOf(error));
}

/** Of what is said to be missing where it would stand, with another try: that the line is gone is said once, at the top. */
export function reportBeside(error: unknown): void {
  if (!(error instanceof ApiError && error.code === "no_connection")) report(error);
}

/** The line is back: nobody need be told any more that it was not there. */
export function lineIsBack(): void {
  notices.value = notices.value.filter((notice) => notice.undo || notice.text !== known("error", "no_connection"));
}

/** A part of the page's code that somebody asked for could not be fetched: there is no line, or a newer page. */
export function tellOfMissingCode(): void {
  window.addEventListener("unhandledrejection", ({ reason }) => {
    // As Chromium and Firefox ("dynamically imported module"), and Safari ("Importing a module script failed") say it.
    if (!/\bimport(ed|ing)( a)? module/i.test(String(reason))) return;
    notify(known("app", "newer") ?? String(reason));
  });
}
