import { select } from "../actions/chats";
import { t } from "../i18n";
import { conversations, current } from "../state";

export function Conversations() {
  const open = (id: string | null) => {
    select(id);
    if (id === null) document.getElementById("message")?.focus();
  };
  return (
    <nav class="conversations" aria-label={t("chat.list")}>
      <button type="button" class="wide" onClick={() => open(null)}>
        + {t("chat.new")}
      </button>
      <ul>
        {conversations.value.map((conversation) => (
          <li key={conversation.id}>
            <a
              href={`#c=${encodeURIComponent(conversation.id)}`}
              aria-current={conversation.id === current.value ? "page" : undefined}
              onClick={(event) => {
                event.preventDefault();
                open(conversation.id);
              }}
            >
              {conversation.title || t("chat.untitled")}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
