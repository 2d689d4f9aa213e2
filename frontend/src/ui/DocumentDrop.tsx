/** Where documents come in: dropped or picked, several at once; and what is on its way, or did not get through. */
import type { DocumentActions } from "../actions/documents";
import { uploads } from "../documents";
import { language, t } from "../i18n";
import { ACCEPTED, DOCUMENT_BYTES, type DocumentUpload } from "../logic/documents";
import { bytes } from "../logic/format";
import { DropArea } from "./DropArea";

function Going({ one, actions }: { one: DocumentUpload; actions: DocumentActions }) {
  const { file, state, sent, trouble } = one;
  const [name, size] = [file.name, bytes(file.size, language.value)];
  const isOver = state === "failed" || state === "refused";
  return (
    <li class={isOver ? "verdict verdict-bad" : "document-going"}>
      {state !== "refused" && <strong class="key-name">{name}</strong>}
      {isOver && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {state === "waiting" && <p class="hint">{t("docs.waiting")}</p>}
      {state === "sending" && (
        <>
          <progress aria-label={t("docs.sending", { name })} max={file.size} value={sent} />
          <p class="hint">{t("docs.sent", { sent: bytes(sent, language.value), size })}</p>
        </>
      )}
      <div class="document-does">
        {state === "failed" && (
          <button type="button" aria-label={t("docs.again", { name })} onClick={() => actions.again(one.key)}>
            {t("docs.again.do")}
          </button>
        )}
        <button type="button" class="quiet" aria-label={t(isOver ? "docs.dismiss" : "docs.stop", { name })} onClick={() => actions.drop(one)}>
          {t(isOver ? "docs.dismiss.do" : "docs.stop.do")}
        </button>
      </div>
    </li>
  );
}

export function DocumentDrop({ actions }: { actions: DocumentActions }) {
  return (
    <>
      <DropArea onFiles={(files) => actions.add(files)}>
        <p class="drop-title">{t("docs.drop")}</p>
        <p class="hint">{t("docs.drop.or")}</p>
        <label class="pick">
          <input
            type="file"
            class="spoken"
            id="docs-pick"
            multiple
            accept={ACCEPTED}
            onChange={(event) => {
              const files = [...(event.currentTarget.files ?? [])];
              event.currentTarget.value = ""; // so that the same one can be chosen again
              actions.add(files);
            }}
          />
          <span>{t("docs.pick")}</span>
        </label>
        <p class="hint">{t("docs.drop.limits", { bytes: bytes(DOCUMENT_BYTES, language.value) })}</p>
      </DropArea>
      {uploads.value.length > 0 && (
        <ul class="document-uploads" aria-label={t("docs.uploads")} data-home="docs-pick">
          {uploads.value.map((one) => (
            <Going key={one.key} one={one} actions={actions} />
          ))}
        </ul>
      )}
    </>
  );
}
