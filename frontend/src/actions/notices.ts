import { ApiError } from "../api";
import { fill, known } from "../i18n";
import { span } from "../logic/format";
import { expired, notices, spoken } from "../state";

let next = 1;

export function notify(text: string): void {
  if (notices.value.some((notice) => notice.text === text)) return;
  notices.value = [...notices.value, { id: next++, text }];
}

/** To screen readers, who say again what was said before only when it is another text. */
export function say(text: string): void {
  spoken.value = spoken.value === text ? `${text}\u00a0` : text;
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

/** An error in the person's language where we know it, else as the server put it. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const text = known("error", error.code);
  return text === undefined ? error.message : fill(text, { wait: span(error.retryAfter ?? 0) });
}

export function report(error: unknown): void {
  if (error instanceof ApiError && error.code === "signed_out") expired.value = true;
  else notify(explain(error));
}
