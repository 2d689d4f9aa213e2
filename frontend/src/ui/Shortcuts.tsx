/** What the keyboard does everywhere, and the sheet that says so. */
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { select } from "../actions/chatState";
import { go } from "../actions/places";
import { t } from "../i18n";
import { isFinalMessage } from "../logic/chat";
import { ACTIONS, actionOf, KEYS, type Action } from "../logic/shortcuts";
import type { Page } from "../start";
import { area, chat, current, gpuOpen, shortcutsOpen, sideOpen } from "../state";
import { isOfInputMethod } from "./enter";

const FIELDS = "input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=file]), textarea, select, [contenteditable]";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(FIELDS) !== null;
}

/** When what was asked for is drawn. */
function soon(then: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(then));
}

/** `drawer` is opened before, where the page is too narrow to show it all the time. */
function focusSoon(selector: string, drawer?: Signal<boolean>, toggle = ""): void {
  requestAnimationFrame(() => {
    if (drawer && document.querySelector(toggle)?.checkVisibility()) drawer.value = true;
    requestAnimationFrame(() => document.querySelector<HTMLElement>(selector)?.focus());
  });
}

function toChats(): void {
  if (area.value !== "chats") go({ area: "chats", id: current.value });
}

/** The conversation above or below the open one, as they are listed. */
function move(by: 1 | -1): void {
  toChats();
  soon(() => {
    const links = [...document.querySelectorAll<HTMLElement>(".conversations:not(.batch-list) li a")];
    const at = links.findIndex((link) => link.hasAttribute("aria-current"));
    const next = at < 0 ? links[0] : links[at + by];
    next?.click();
    next?.scrollIntoView({ block: "nearest" });
  });
}

function act(action: Action, page: Page): void {
  if (action === "help") shortcutsOpen.value = true;
  else if (action === "above") move(-1);
  else if (action === "below") move(1);
  else if (action === "gpu") focusSoon("#panel", gpuOpen, ".toggle-panel");
  else if (action === "stop") {
    const answer = chat.value.messages.findLast((one) => one.role === "assistant" && !isFinalMessage(one));
    if (answer) void page.chats.stop(answer);
  } else {
    toChats();
    sideOpen.value = false;
    if (action === "new") select(null);
    if (action === "search") focusSoon(".conversations input[type=search]", sideOpen, ".toggle-side");
    else focusSoon("#message");
  }
}

function useShortcuts(page: Page): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isOfInputMethod(event) || event.getModifierState("AltGraph")) return;
      const { target } = event;
      const leaves = event.key === "Escape" && target instanceof Element && target.id === "message";
      const action = leaves ? null : actionOf(event, isTyping(target));
      // Of all keys few come so far: this looks through the whole page.
      if (!(leaves || action) || document.querySelector("dialog[open]")) return;
      // Out of the field in which every key writes, to what can be read.
      if (!action) return document.getElementById("messages")?.focus({ preventScroll: true });
      event.preventDefault();
      act(action, page);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [page]);
}

function Sheet() {
  const sheet = useRef<HTMLDialogElement>(null);
  useEffect(() => sheet.current?.showModal(), []);
  return (
    <dialog ref={sheet} class="sheet" aria-labelledby="sheet" onClose={() => (shortcutsOpen.value = false)}>
      <h2 id="sheet">{t("keyboard.title")}</h2>
      <dl>
        {ACTIONS.map((action) => (
          <div key={action}>
            <dt>
              {KEYS[action].map((key, i) => (
                <span key={key}>
                  {i > 0 && " + "}
                  <kbd>{key}</kbd>
                </span>
              ))}
            </dt>
            <dd>{t(`keyboard.${action}`)}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>{t("keyboard.escape")}</dd>
        </div>
      </dl>
      <p class="hint">{t("keyboard.typing")}</p>
      <button type="button" class="primary" onClick={() => sheet.current?.close()}>
        {t("keyboard.close")}
      </button>
    </dialog>
  );
}

export default function Shortcuts({ page }: { page: Page }) {
  useShortcuts(page);
  return shortcutsOpen.value ? <Sheet /> : null;
}
