/** What else can be done with the open conversation: to the top of the list, and out as a file. */
import type { ConversationActions } from "../actions/conversations";
import { t } from "../i18n";
import { conversations, exporting } from "../state";

export default function ConversationTools({ id, actions }: { id: string; actions: ConversationActions }) {
  const pinned = conversations.value.find((one) => one.id === id)?.pinned === true;
  return (
    <>
      <button type="button" class={`quiet sign sign-${pinned ? "unpin" : "pin"}`} aria-label={t(pinned ? "chat.unpin" : "chat.pin")} onClick={() => void actions.pin(id, !pinned)}>
        {t(pinned ? "chat.unpin" : "chat.pin.short")}
      </button>
      <details class="export">
        <summary class="quiet sign sign-export">{t("export.one")}</summary>
        <div>
          {(["md", "json"] as const).map((shape) => (
            <button key={shape} type="button" class="quiet" disabled={exporting.value !== null} onClick={() => void actions.saved(id, shape)}>
              {t(`export.${shape}`)}
            </button>
          ))}
        </div>
      </details>
    </>
  );
}
