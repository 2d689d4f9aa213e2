import { useEffect, useRef } from "preact/hooks";
import { select } from "../actions/chatState";
import type { ChatActions } from "../actions/chats";
import type { ConversationActions } from "../actions/conversations";
import { t } from "../i18n";
import { titleFrom } from "../logic/outbox";
import { isFound } from "../logic/search";
import { DAYS, dayOf } from "../logic/days";
import { coming, conversations, current, fresh, leaving, listing, olderConversations, sought, today } from "../state";
import { meantEnter } from "./enter";
import { later } from "./Later";
import { PlaceLink } from "./PlaceLink";

const TextHits = later(() => import("./TextHits"));
const TitlesFound = later(() => import("./TitlesFound"), true);

/** At the end of the list: whoever scrolls to it gets more. The button is for a keyboard, and after a failure. */
function Older({ actions }: { actions: ConversationActions }) {
  const end = useRef<HTMLLIElement>(null);
  const after = olderConversations.value;
  useEffect(() => {
    if (!after || !end.current) return;
    // Looked at anew after each page: the end may still be in sight.
    const watch = new IntersectionObserver((seen) => {
      if (seen.some((one) => one.isIntersecting) && listing.peek() === "idle") void actions.more();
    });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [after]);
  if (after === null) return null;
  return (
    <li ref={end}>
      {listing.value === "busy" ? (
        <p class="hint">{t("chat.list.loading")}</p>
      ) : (
        <button type="button" class="quiet" onClick={() => void actions.more()}>
          {t("chat.list.more")}
        </button>
      )}
    </li>
  );
}

function Search({ actions, found }: { actions: ConversationActions; found: number }) {
  return (
    <search>
      <input
        type="search"
        value={sought.value}
        placeholder={t("chat.search")}
        aria-label={t("chat.search")}
        onInput={(event) => (sought.value = event.currentTarget.value)}
        onKeyDown={(event) => meantEnter(event) && actions.now()}
      />
      {sought.value.trim() && <TitlesFound found={found} />}
    </search>
  );
}

/** What was typed for conversations that are made when the line is back. */
function Coming() {
  const its = coming.value.filter(({ state }) => state === "waiting" || state === "failed");
  if (its.length === 0) return null;
  return (
    <section aria-labelledby="day-coming">
      <h2 id="day-coming" class="hint">
        {t("chat.coming")}
      </h2>
      <ul>
        {its.map(({ chain, content }) => (
          <li key={chain}>
            <PlaceLink to={{ area: "chats", id: null, fresh: chain }} current={current.value === null && fresh.value === chain}>
              {titleFrom(content)}
            </PlaceLink>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Conversations({ actions, chats }: { actions: ConversationActions; chats: ChatActions }) {
  const begin = () => {
    select(null);
    document.getElementById("message")?.focus();
  };
  const shown = conversations.value
    .filter(({ id }) => !leaving.value.has(id))
    .map(({ id, title, pinned, updated_at, created_at }) => {
      const day = pinned ? "pinned" : dayOf(Date.parse(updated_at ?? created_at), today.value);
      return { id, title: title || t("chat.untitled"), day };
    })
    .filter(({ title }) => isFound(title, sought.value));
  const groups = (["pinned", ...DAYS] as const).map((day) => ({ day, its: shown.filter((one) => one.day === day) })).filter(({ its }) => its.length > 0);
  return (
    <nav class="conversations" aria-label={t("chat.list")}>
      <div class="list-head">
        <button type="button" class="wide" onClick={begin}>
          + {t("chat.new")}
        </button>
        <Search actions={actions} found={shown.length} />
      </div>
      <Coming />
      {groups.map(({ day, its }) => (
        <section key={day} aria-labelledby={`day-${day}`}>
          <h2 id={`day-${day}`} class="hint">
            {t(`chat.day.${day}`)}
          </h2>
          <ul>
            {its.map(({ id, title }) => (
              <li key={id}>
                <PlaceLink to={{ area: "chats", id }} current={id === current.value}>
                  {title}
                </PlaceLink>
              </li>
            ))}
          </ul>
        </section>
      ))}
      {sought.value.trim() ? (
        <TextHits actions={actions} chats={chats} />
      ) : (
        <ul>
          <Older actions={actions} />
        </ul>
      )}
    </nav>
  );
}
