/** A conversation's title, changed where it stands. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ChatActions } from "../actions/chats";
import { t } from "../i18n";
import { meantEnter } from "./enter";

const LONGEST = 200; // characters, as the API takes them

export function Title({ id, title, actions }: { id: string; title: string; actions: ChatActions }) {
  const draft = useSignal<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const editing = draft.value !== null;
  // Before the next key, which a page that is busy would else give to whoever had the keyboard.
  useLayoutEffect(() => {
    if (editing) box.current?.select();
  }, [editing]);
  // Before anybody can press the button: after the first picture it would close what was just opened.
  useLayoutEffect(() => {
    draft.value = null;
  }, [id]);

  const keep = () => {
    const wanted = draft.value?.trim();
    draft.value = null;
    if (wanted && wanted !== title) void actions.rename(id, wanted);
  };
  if (!editing) {
    return (
      <div class="title">
        <h2>{title || t("chat.untitled")}</h2>
        <button type="button" class="quiet" id="rename" aria-label={t("chat.rename")} onClick={() => (draft.value = title)}>
          ✎
        </button>
      </div>
    );
  }
  return (
    <input
      class="title"
      data-home="rename"
      ref={box}
      value={draft.value ?? ""}
      maxLength={LONGEST}
      aria-label={t("chat.title")}
      onInput={(event) => (draft.value = event.currentTarget.value)}
      onBlur={keep}
      onKeyDown={(event) => {
        if (meantEnter(event)) {
          event.preventDefault(); // the button that gets the keyboard back would take this Enter for its own
          keep();
        } else if (event.key === "Escape") draft.value = null;
      }}
    />
  );
}
