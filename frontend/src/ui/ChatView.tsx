import type { ChatActions } from "../actions/chats";
import type { ConversationActions } from "../actions/conversations";
import type { QuoteActions } from "../actions/quotes";
import { language, t } from "../i18n";
import { day, when } from "../logic/format";
import { named } from "../logic/settings";
import { busy, conversations, current, idle, keptAt, loaded, messages, models, now, older, olderConversations, settings, settingsOpen, toy, unfetched, unsent } from "../state";
import { UnsentQuestion } from "./Bubbles";
import { Composer } from "./Composer";
import { later } from "./Later";
import { useReading } from "./reading";
import { Told } from "./Said";
import { Thread } from "./Thread";
import { Title } from "./Title";
import { Wait } from "./Wait";

const FirstVisit = later(() => import("./FirstVisit"), true);
const ConversationTools = later(() => import("./ConversationTools"));
const NEAR_TOP_PX = 1_500;

export function ChatView({ actions, lists, quotes }: { actions: ChatActions; lists: ConversationActions; quotes: QuoteActions }) {
  const id = current.value;
  const typed = unsent.value;
  const open = conversations.value.find((c) => c.id === id);
  const title = open?.title;
  const model = models.value.find((name) => !name.includes("@"));
  const isFirst = conversations.value.length === 0 && olderConversations.value === null; // nobody has written here yet
  const isEmpty = messages.value.length === 0;
  const { list, all, below, onScroll, toEnd, isAtEnd } = useReading(id, typed.length);

  return (
    <section class="chat" aria-label={t("chat.region")} data-home="message">
      <div class="chat-head">
        {id ? <Title id={id} title={title ?? ""} actions={actions} /> : <h2>{t("chat.new")}</h2>}
        {id && <ConversationTools id={id} actions={lists} />}
        {(id || typed.length === 0) && (
          <button
            type="button"
            class={id ? "quiet sign sign-settings" : "quiet"}
            aria-haspopup="dialog"
            onClick={() => (settingsOpen.value = true)}
          >
            {t("chat.settings")}
            {Object.keys(named(settings.value)).length > 0 && (
              <>
                <span aria-hidden="true"> •</span>
                <span class="spoken">{t("chat.settings.own")}</span>
              </>
            )}
          </button>
        )}
        {id && (
          <button type="button" class="quiet sign sign-delete" aria-label={t("chat.delete")} onClick={() => actions.remove(id)}>
            {t("chat.exchange.delete")}
          </button>
        )}
        {open?.expires_at && (
          <p class="hint">{t("mydata.expires", { day: day(Date.parse(open.expires_at), language.value) })}</p>
        )}
      </div>
      <div class="messages-room">
        <div
          class="messages"
          id="messages"
          role="log"
          aria-live="off"
          aria-label={t("chat.messages")}
          tabIndex={0}
          ref={list}
          onScroll={({ currentTarget: box }) => {
            onScroll();
            if (id && older.value && !isAtEnd() && box.scrollTop < NEAR_TOP_PX) void actions.fetchOlder(id);
          }}
        >
          <div class={idle.value ? "thread" : "thread thread-busy"} ref={all}>
            {id && older.value && (
              <button type="button" class="quiet" data-home="messages" onClick={() => void actions.fetchOlder(id)}>
                {t("chat.older")}
              </button>
            )}
            {id && !loaded.value && isEmpty && <Wait name={id} loading="chat.loading" missing="chat.unfetched" />}
            {(!id || loaded.value) && isEmpty && typed.length === 0 && (
              <div class="hint empty">
                <p>{t("chat.empty")}</p>
                <p>{model && t(toy.value ? "chat.toy" : "chat.served", { model })}</p>
                {!id && isFirst && <FirstVisit quotes={quotes} />}
              </div>
            )}
            <Thread actions={actions} />
            {id && !loaded.value && keptAt.value[id] && unfetched.value.has(id) && (
              <Told class="hint kept" text={t("chat.kept", { time: when(keptAt.value[id]!, now.value, language.value) })} />
            )}
            {typed.map((item) => (
              <UnsentQuestion key={item.key} item={item} actions={actions} />
            ))}
            {!isEmpty && toy.value && <p class="hint">{t("chat.toy", { model: toy.value })}</p>}
          </div>
        </div>
      </div>
      {below.value && (
        <div class="below">
          <button type="button" onClick={toEnd}>
            {t("chat.below")} <span aria-hidden="true">↓</span>
          </button>
        </div>
      )}
      <Composer actions={actions} busy={busy.value} />
    </section>
  );
}
