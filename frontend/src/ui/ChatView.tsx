import { useLayoutEffect, useRef } from "preact/hooks";
import type { ChatActions } from "../actions/chats";
import { language, t } from "../i18n";
import { isWaiting, questionOf, textOf } from "../logic/chat";
import { day } from "../logic/format";
import { isToy } from "../logic/size";
import { chat, conversations, current, models, outbox } from "../state";
import type { Message } from "../types";
import { Asked } from "./Asked";
import { Answer, UnsentQuestion } from "./Bubbles";
import { Composer } from "./Composer";
import { Title } from "./Title";

const NEAR_END_PX = 80;
const NEAR_TOP_PX = 200;

export function ChatView({ actions }: { actions: ChatActions }) {
  const id = current.value;
  const shown = chat.value;
  const unsent = outbox.value.filter((item) => item.conversationId === id);
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const busy = unsent.some((item) => item.state === "sending" || item.state === "resending");
  // While anything is being answered nothing of the conversation can be replaced.
  const idle = !busy && !isWaiting(shown);
  const again = (answer: Message) => {
    const question = questionOf(shown, answer)?.content;
    if (!question) return {};
    const rewrite = () => {
      actions.rewrite(question);
      document.getElementById("message")?.focus();
    };
    return { rewrite, askAgain: busy ? undefined : () => void actions.ask(question) };
  };
  const open = conversations.value.find((c) => c.id === id);
  const title = open?.title;
  const model = models.value.find((name) => !name.includes("@"));

  const first = shown.messages[0]?.id ?? "";
  const before = useRef({ first, height: 0 });

  useLayoutEffect(() => {
    atEnd.current = true;
  }, [id]);
  // New text is followed, unless the person has scrolled up to read: what they read stays where it is, and older
  // messages come above it.
  useLayoutEffect(() => {
    const box = list.current;
    if (!box) return;
    if (atEnd.current) box.scrollTop = box.scrollHeight;
    else if (first < before.current.first) box.scrollTop += box.scrollHeight - before.current.height;
    before.current = { first, height: box.scrollHeight };
  });

  return (
    <section class="chat" aria-label={t("chat.region")} data-home="message">
      <div class="chat-head">
        {id ? <Title id={id} title={title ?? ""} actions={actions} /> : <h2>{t("chat.new")}</h2>}
        {id && (
          <button type="button" class="quiet" onClick={() => actions.remove(id)}>
            {t("chat.delete")}
          </button>
        )}
        {open?.expires_at && (
          <p class="hint">{t("mydata.expires", { day: day(Date.parse(open.expires_at), language.value) })}</p>
        )}
      </div>
      <div
        class="messages"
        role="log"
        aria-label={t("chat.messages")}
        tabIndex={0}
        ref={list}
        onScroll={(event) => {
          const box = event.currentTarget;
          atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
          before.current.height = box.scrollHeight;
          if (id && shown.older && !atEnd.current && box.scrollTop < NEAR_TOP_PX) void actions.fetchOlder(id);
        }}
      >
        {id && shown.older && (
          <button type="button" class="quiet" onClick={() => void actions.fetchOlder(id)}>
            {t("chat.older")}
          </button>
        )}
        {id && !shown.loaded && shown.messages.length === 0 && <p class="hint">{t("chat.loading")}</p>}
        {(!id || shown.loaded) && shown.messages.length === 0 && unsent.length === 0 && (
          <div class="hint empty">
            <p>{t("chat.empty")}</p>
            {model && <p>{t(isToy(model) ? "chat.toy" : "chat.served", { model })}</p>}
          </div>
        )}
        {shown.messages.map((message) =>
          message.role === "user" ? (
            <Asked key={message.id} question={message} actions={actions} idle={idle} />
          ) : (
            <Answer
              key={message.id}
              message={message}
              text={textOf(shown, message)}
              stop={() => void actions.stop(message)}
              regenerate={idle ? (backend) => void actions.regenerate(message, backend) : undefined}
              {...again(message)}
            />
          ),
        )}
        {unsent.map((item) => (
          <UnsentQuestion key={item.key} item={item} actions={actions} />
        ))}
      </div>
      <Composer actions={actions} busy={busy} />
    </section>
  );
}
