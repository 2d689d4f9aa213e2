import { computed, effect, signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isTyping, seldom } from "../actions/behind";
import { besideComposer } from "../beside";
import { setDraft } from "../actions/chatState";
import type { ChatActions } from "../actions/chats";
import { language, t } from "../i18n";
import { about, number } from "../logic/format";
import { USUAL } from "../logic/prices";
import { allThere, idsOf } from "../logic/pictures";
import { sizeOf } from "../logic/size";
import { backend, contextTokens, draftKey, drafts, gpu, models, pictures, seesImages, sessionsKnown, settings } from "../state";
import type { BackendChoice } from "../types";
import { BackendOptions } from "./BackendOptions";
import { meantEnter } from "./enter";
import { later } from "./Later";
import { Told } from "./Said";

const Pictures = later(() => import("./Pictures"), true);

const TALLEST_PX = 220;
const COUNTED_MS = 250;

function Backend({ actions }: { actions: ChatActions }) {
  return (
    <label class="hint backend">
      {t("chat.backend")}{" "}
      <select
        value={backend.value}
        onChange={(event) => void actions.chooseBackend(event.currentTarget.value as BackendChoice)}
      >
        <BackendOptions />
      </select>
    </label>
  );
}

/** What sending does, where it is more than an answer. */
function hint(): string {
  if (gpu.value !== "off" || !sessionsKnown.value) return t("chat.keys");
  const hasBedrock = models.value.some((name) => name.endsWith("@bedrock"));
  const wakes = backend.value === "gpu" || (backend.value === "auto" && models.value.length > 0 && !hasBedrock);
  if (wakes) return t("chat.wakes", { usd: about(USUAL.spot, language.value) });
  return t(hasBedrock ? "chat.tokens" : "chat.keys");
}

/** By itself: with a key that is typed, its box has it already, and nothing else is drawn anew. */
const text = computed(() => drafts.value[draftKey.value] ?? "");
const isEmpty = computed(() => text.value.trim() === "");
/** What is counted: while somebody types it comes behind a key, a few times a second. */
const counted = signal("");
const counting = seldom(() => (counted.value = text.peek()), COUNTED_MS);
// The system prompt is read with each question.
const size = computed(() => (counted.value ? sizeOf(settings.value.system + counted.value, contextTokens.value) : null));

function Counter() {
  useLayoutEffect(() => effect(() => (text.value && isTyping() ? counting.soon() : counting.now())), []);
  if (!size.value) return null;
  const { tokens, most, tooLong } = size.value;
  const words = t(tooLong ? "chat.size.toolong" : "chat.size", { tokens: number(tokens, language.value), most: number(most, language.value) });
  return <Told class={tooLong ? "hint trouble" : "hint"} text={words} />;
}

export function Composer({ actions, busy }: { actions: ChatActions; busy: boolean }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const mine = pictures.value[draftKey.value] ?? [];
  const ready = (!isEmpty.value || idsOf(mine).length > 0) && !busy && allThere(mine);
  const Beside = besideComposer.value;

  useLayoutEffect(() => {
    const area = box.current!;
    // Where the browser fits it to its text by itself, nothing is measured: that lays out the whole conversation anew.
    if (CSS.supports("field-sizing", "content")) return;
    return effect(() => {
      area.value = text.value;
      area.style.height = "auto";
      area.style.height = `${Math.min(TALLEST_PX, area.scrollHeight + 2)}px`;
    });
  }, []);

  const send = () => {
    if (!ready) return;
    void actions.send(text.value.trim());
    box.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="spoken" for="message">
        {t("chat.input")}
      </label>
      <textarea
        id="message"
        ref={box}
        rows={1}
        value={text}
        placeholder={t("chat.placeholder")}
        aria-describedby="composer-hint"
        onInput={(event) => setDraft(draftKey.value, event.currentTarget.value)}
        onKeyDown={(event) => {
          if (meantEnter(event)) {
            event.preventDefault();
            send();
          }
        }}
      />
      <button type="submit" class="primary" disabled={!ready}>
        {t("chat.send")}
      </button>
      {Beside && <Beside actions={actions} />}
      {seesImages.value && <Pictures api={actions.api} />}
      <div class="composer-foot">
        <p id="composer-hint" class="hint">
          {hint()}
        </p>
        <Counter />
        <Backend actions={actions} />
      </div>
    </form>
  );
}
