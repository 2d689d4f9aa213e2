import { useLayoutEffect, useRef } from "preact/hooks";
import { setDraft, type ChatActions } from "../actions/chats";
import { language, t } from "../i18n";
import { about } from "../logic/format";
import { USUAL } from "../logic/prices";
import { draftKey, drafts, gpu, sessionsKnown } from "../state";
import { meantEnter } from "./enter";

const TALLEST_PX = 220;

export function Composer({ actions, busy }: { actions: ChatActions; busy: boolean }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const text = drafts.value[draftKey.value] ?? "";
  const ready = text.trim() !== "" && !busy;

  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(TALLEST_PX, area.scrollHeight + 2)}px`;
  }, [text]);

  const send = () => {
    if (!ready) return;
    void actions.send(text.trim());
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
      <p id="composer-hint" class="hint">
        {gpu.value === "off" && sessionsKnown.value
          ? t("chat.wakes", { usd: about(USUAL.spot, language.value) })
          : t("chat.keys")}
      </p>
    </form>
  );
}
