/** Where the words that are looked for were said. */
import { useEffect, useRef } from "preact/hooks";
import type { ChatActions } from "../actions/chats";
import type { ConversationActions } from "../actions/conversations";
import { openAt, said, textSearch } from "../actions/textSearch";
import { hashOf } from "../actions/places";
import { t } from "../i18n";
import { plainParts } from "../logic/snippet";
import { current, hurry, leaving } from "../state";
import type { Conversation, TextPart } from "../types";
import { Told } from "./Said";

function Parts({ parts }: { parts: readonly TextPart[] }) {
  return <bdi>{parts.map((part, i) => (part.marked ? <mark key={i}>{part.text}</mark> : part.text))}</bdi>;
}

function Hit({ hit, chats }: { hit: Conversation; chats: ChatActions }) {
  const { title, message } = hit.match!;
  return (
    <li>
      <a
        class="hit"
        href={hashOf({ area: "chats", id: hit.id })}
        aria-current={hit.id === current.value ? "page" : undefined}
        onClick={(event) => {
          if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
          void openAt(chats, hit.id, message!.id);
        }}
      >
        <span class="hit-title">{title ? <Parts parts={title} /> : hit.title || t("chat.untitled")}</span>
        <span class="hit-text">
          {t(message!.role === "user" ? "find.you" : "find.model")} <Parts parts={plainParts(message!.snippet)} />
        </span>
        {message!.earlier && <span class="hint">{t("find.earlier")}</span>}
      </a>
    </li>
  );
}

function state(shown: number): string {
  const { words, state, why } = said.value;
  if (!words) return "";
  if (state === "busy") return t("find.busy");
  if (state === "failed") return t("find.failed");
  if (why) return t(`find.${why}`);
  return shown || said.value.more ? "" : t("find.none");
}

export default function TextHits({ actions, chats }: { actions: ConversationActions; chats: ChatActions }) {
  const search = useRef<ReturnType<typeof textSearch>>(undefined);
  useEffect(() => {
    search.current = textSearch(actions);
    return () => search.current?.end();
  }, []);
  const asked = hurry.value;
  useEffect(() => {
    if (asked) search.current?.now();
  }, [asked]);
  const hits = said.value.hits.filter(({ id }) => !leaving.value.has(id));
  const words = state(hits.length);
  return (
    <section aria-labelledby="found-said">
      <h2 id="found-said" class="hint">
        {t("find.said")}
      </h2>
      <Told class="hint" text={words} />
      <ul>
        {hits.map((hit) => (
          <Hit key={hit.id} hit={hit} chats={chats} />
        ))}
        {said.value.more && said.value.state === "idle" && (
          <li>
            <button type="button" class="quiet" onClick={() => void search.current?.more()}>
              {t("find.more")}
            </button>
          </li>
        )}
      </ul>
    </section>
  );
}
