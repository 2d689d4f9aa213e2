/** A question as it was asked: it can be written anew in its place, and what stood there before can be looked at. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ChatActions } from "../actions/chats";
import { t } from "../i18n";
import { tongueOf } from "../logic/tongue";
import type { Message } from "../types";
import { meantEnter } from "./enter";
import { later } from "./Later";
import { Remembered } from "./memory";
import { Words } from "./Words";

const ShownPictures = later(() => import("./ShownPictures"), true);

function Editing({ question, actions, close }: { question: Message; actions: ChatActions; close: () => void }) {
  const text = useSignal(question.content ?? "");
  const sending = useSignal(false);
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const isEmpty = !text.value.trim() && !question.images; // which it shows again
  const send = async () => {
    if (isEmpty || sending.value) return;
    sending.value = true;
    if (await actions.edited(question, text.value.trim())) close();
    sending.value = false;
  };
  return (
    <form
      class="editing"
      data-home={`edit-${question.id}`}
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
        <button type="submit" class="primary" disabled={sending.value || isEmpty}>
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

/** `‹ 2/3 ›`: what stood here before, one version after the other; the newest is the conversation's own. */
function Versions({ question, actions }: { question: Message; actions: ChatActions }) {
  const count = question.version ?? 2;
  const at = useSignal(count);
  const found = useSignal<readonly (readonly Message[])[]>([]); // the newest of the earlier ones first
  const busy = useSignal(false);
  const earlier = async () => {
    const wanted = count - at.value; // of those that are found
    if (found.value.length <= wanted) {
      const last = wanted === 0 ? question : found.value[wanted - 1]!.find((one) => one.role === "user")!;
      busy.value = true;
      const got = await actions.earlier(last);
      busy.value = false;
      if (!got?.length) return;
      found.value = [...found.value.slice(0, wanted), got];
    }
    at.value -= 1;
  };
  const shown = at.value < count ? found.value[count - at.value - 1] : undefined;
  return (
    <>
      <span class="pager" role="group" aria-label={t("chat.versions")}>
        <button
          type="button"
          class="quiet copy"
          aria-label={t("chat.version")}
          aria-disabled={at.value === 1 || busy.value}
          onClick={() => at.value > 1 && !busy.value && void earlier()}
        >
          ‹
        </button>
        <span>{`${at.value}/${count}`}</span>
        <button
          type="button"
          class="quiet copy"
          aria-label={t("chat.version.later")}
          aria-disabled={at.value === count}
          onClick={() => at.value < count && (at.value += 1)}
        >
          ›
        </button>
      </span>
      {shown && (
        <div class="version" role="group" aria-label={t("chat.version.at", { n: at.value, of: count })}>
          {shown.map((one) => (
            <div key={one.id} class={one.role === "user" ? "version-question" : ""}>
              {one.images && <ShownPictures images={one.images} api={actions.api} />}
              <Words text={one.content ?? ""} />
            </div>
          ))}
        </div>
      )}
    </>
  );
}

/** `near`: to what is read. Far from it, it stands there as it was written. */
export function Asked({ question, near = true, actions }: { question: Message; near?: boolean; actions: ChatActions }) {
  const editing = useSignal(false);
  return (
    <div class={near ? "asked" : "asked written"}>
      {editing.value ? (
        <Editing question={question} actions={actions} close={() => (editing.value = false)} />
      ) : (
        <article class="bubble question" id={`said-${question.id}`} tabIndex={-1} aria-label={t("chat.you")}>
          {near && question.images && <ShownPictures images={question.images} api={actions.api} />}
          <div class="spoken-as" lang={tongueOf(question.content ?? "")}>
            {near ? <Words text={question.content ?? ""} /> : question.content}
          </div>
        </article>
      )}
      {near && !editing.value && (
        <div class="tools">
          <Remembered message={question} api={actions.api} />
          {question.replaces && <Versions key={question.id} question={question} actions={actions} />}
          <button type="button" class="quiet copy when-idle" id={`edit-${question.id}`} onClick={() => (editing.value = true)}>
            {t("chat.edit.again")}
          </button>
          <button
            type="button"
            class="quiet copy when-idle"
            aria-label={t("chat.exchange.delete.label")}
            onClick={() => actions.removeExchange(question)}
          >
            {t("chat.exchange.delete")}
          </button>
        </div>
      )}
    </div>
  );
}
