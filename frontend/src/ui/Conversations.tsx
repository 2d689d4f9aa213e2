import { useEffect, useRef } from "preact/hooks";
import { select } from "../actions/chats";
import type { ConversationActions } from "../actions/conversations";
import { t } from "../i18n";
import { isFound } from "../logic/search";
import { DAYS, dayOf } from "../logic/days";
import { conversations, current, leaving, listing, olderConversations, sought, today } from "../state";
import { PlaceLink } from "./PlaceLink";

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

function searchState(found: number): string {
  if (!sought.value.trim()) return "";
  if (listing.value === "busy") return t("chat.search.older", { n: found });
  if (olderConversations.value !== null) return t("chat.search.broken", { n: found });
  return found ? t("chat.search.found", { n: found }) : t("chat.search.none");
}

function Search({ actions, found }: { actions: ConversationActions; found: number }) {
  return (
    <search>
      <input
        type="search"
        value={sought.value}
        placeholder={t("chat.search")}
        aria-label={t("chat.search")}
        onInput={(event) => void actions.search(event.currentTarget.value)}
      />
      <p class="hint" role="status">
        {searchState(found)}
      </p>
    </search>
  );
}

export function Conversations({ actions }: { actions: ConversationActions }) {
  const begin = () => {
    select(null);
    document.getElementById("message")?.focus();
  };
  const shown = conversations.value
    .filter(({ id }) => !leaving.value.has(id))
    .map(({ id, title, updated_at, created_at }) => {
      return { id, title: title || t("chat.untitled"), day: dayOf(Date.parse(updated_at ?? created_at), today.value) };
    })
    .filter(({ title }) => isFound(title, sought.value));
  const groups = DAYS.map((day) => ({ day, its: shown.filter((one) => one.day === day) })).filter(({ its }) => its.length > 0);
  return (
    <nav class="conversations" aria-label={t("chat.list")}>
      <div class="list-head">
        <button type="button" class="wide" onClick={begin}>
          + {t("chat.new")}
        </button>
        <Search actions={actions} found={shown.length} />
      </div>
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
      <ul>
        <Older actions={actions} />
      </ul>
    </nav>
  );
}
