/** A question as it was asked: it can be written anew in its place, and what stood there before can be looked at. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ChatActions } from "../actions/chats";
import { t } from "../i18n";
import type { Message } from "../types";
import { meantEnter } from "./enter";
import { Words } from "./Words";

function Editing({ question, actions, close }: { question: Message; actions: ChatActions; close: () => void }) {
  const text = useSignal(question.content ?? "");
  const sending = useSignal(false);
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => box.current?.focus(), []);
  const send = async () => {
    if (!text.value.trim() || sending.value) return;
    sending.value = true;
    if (await actions.edited(question, text.value.trim())) close();
    sending.value = false;
  };
  return (
    <form
      class="editing"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        ref={box}
        rows={3}
        aria-label={t("chat.edit.box")}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") close();
          else if (meantEnter(event)) {
            event.preventDefault();
            void send();
          }
        }}
      />
      <div>
        <button type="submit" class="primary" disabled={sending.value || !text.value.trim()}>
          {t("chat.send")}
        </button>{" "}
        <button type="button" class="quiet" onClick={close}>
          {t("chat.edit.leave")}
        </button>
      </div>
      <p class="hint">{t("chat.edit.hint")}</p>
    </form>
  );
}

/** What stood here before, the newest version first. */
function Earlier({ question, actions }: { question: Message; actions: ChatActions }) {
  const found = useSignal<Message[] | null>(null);
  const open = useSignal(false);
  const toggle = async () => {
    open.value = !open.value;
    if (open.value) found.value ??= await actions.earlier(question);
  };
  return (
    <>
      <button type="button" class="quiet copy" aria-expanded={open.value} onClick={() => void toggle()}>
        {t(open.value ? "chat.version.hide" : "chat.version.show")}
      </button>
      {open.value && found.value && (
        <div class="version" role="group" aria-label={t("chat.version")}>
          {found.value.map((one) => (
            <div key={one.id} class={one.role === "user" ? "version-question" : ""}>
              <Words text={one.content ?? ""} />
              {one.role === "user" && one.replaces && <Earlier question={one} actions={actions} />}
            </div>
          ))}
        </div>
      )}
    </>
  );
}

export function Asked({ question, actions, idle }: { question: Message; actions: ChatActions; idle: boolean }) {
  const editing = useSignal(false);
  return (
    <div class="asked">
      {editing.value ? (
        <Editing question={question} actions={actions} close={() => (editing.value = false)} />
      ) : (
        <article class="bubble question" aria-label={t("chat.you")}>
          <Words text={question.content ?? ""} />
        </article>
      )}
      {!editing.value && (
        <div class="tools">
          {question.replaces && <Earlier question={question} actions={actions} />}
          {idle && (
            <button type="button" class="quiet copy" onClick={() => (editing.value = true)}>
              {t("chat.edit.again")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
