/**
 * Who asked for it is told that the GPU is ready, and of answers while the tab is hidden: by a notification where the
 * browser shows them, and by the tab's title and icon in any case. Nothing is pushed: the page is open.
 */
import { computed, effect, signal, untracked } from "@preact/signals";
import { t } from "../i18n";
import { isFinal } from "../logic/sessions";
import { conversations, finished, news, sessions } from "../state";
import type { Session } from "../types";
import { say } from "./notices";

const KEPT = "foreverus.tell";

/** The session whose readiness somebody waits for; null: nobody. */
export const awaited = signal<string | null>(null);
/** Answers are told of while the tab is hidden. */
export const tellsAnswers = signal(localStorage.getItem(KEPT) === "answers");
/** The browser shows no notifications: it cannot, or somebody has said no. */
export const isSilent = signal(false);

async function ask(): Promise<void> {
  if (!("Notification" in window)) isSilent.value = true;
  else isSilent.value = (await Notification.requestPermission().catch(() => "denied")) !== "granted";
  if (isSilent.value) say(t("tell.denied"));
}

/** Somebody clicked: only then is the browser's permission asked for. */
export async function tellWhenReady(id: string): Promise<void> {
  watchNews();
  awaited.value = id;
  await ask();
}

export async function tellAnswers(on: boolean): Promise<void> {
  watchNews();
  tellsAnswers.value = on;
  if (on) localStorage.setItem(KEPT, "answers");
  else localStorage.removeItem(KEPT);
  if (on) await ask();
}

function tell(title: string, body: string, tag: string): void {
  if (document.hidden) news.value = title;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  try {
    const shown = new Notification(title, { body, tag, icon: "/news.svg" });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // A phone's browser shows them through a service worker alone: the title has changed.
  }
}

function lookAtAnswers(): void {
  const last = finished.value;
  untracked(() => {
    if (!last || !tellsAnswers.value || !document.hidden) return;
    const title = conversations.value.find((one) => one.id === last.conversation)?.title ?? "";
    tell(t("tell.answer"), title ? t("tell.answer.body", { title }) : "", last.conversation);
  });
}

const waitedFor = computed(() => sessions.value.find((one) => one.id === awaited.value));

function lookAtGpu(): void {
  const session = waitedFor.value;
  if (session) untracked(() => becomes(session));
}

function becomes(session: Session): void {
  if (session.status === "serving") {
    awaited.value = null;
    say(t("tell.ready"));
    tell(t("tell.ready"), t("tell.ready.body"), session.id);
  } else if (isFinal(session) || session.end_requested) {
    awaited.value = null;
    if (isFinal(session)) tell(t("tell.gone"), "", session.id);
  }
}

let watches = false;

/** From now on, however often it is called. */
export function watchNews(): void {
  if (watches) return;
  watches = true;
  effect(lookAtGpu);
  effect(lookAtAnswers);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) news.value = "";
  });
}
