/** Conversations of elsewhere: a file is looked at, and imported when somebody says so. All of one's own, as a file. */
import { useRef } from "preact/hooks";
import type { ConversationActions } from "../actions/conversations";
import { importing, type ImportActions, type Importing } from "../actions/imports";
import { t } from "../i18n";
import { isolated } from "../logic/bidi";
import { exporting } from "../state";
import { Told } from "./Said";

const MOST_NAMED = 20;

function Refusals({ found }: { found: Importing }) {
  if (found.refused.length === 0) return null;
  return (
    <>
      <p>{t("import.refused", { n: found.refused.length })}</p>
      <ul>
        {found.refused.slice(0, MOST_NAMED).map((one, i) => (
          <li key={i}>
            {isolated(one.title) || t("chat.untitled")}: {t(`import.why.${one.why}`)}
          </li>
        ))}
        {found.refused.length > MOST_NAMED && <li>…</li>}
      </ul>
    </>
  );
}

function progress({ state, taken, done, fresh }: Importing): string {
  const n = taken.length;
  if (state === "preview") return t("import.preview", { n, m: taken.reduce((sum, one) => sum + one.exchanges.length, 0) });
  if (state === "sending") return t("import.sending", { done, n });
  if (state === "stopped" || state === "full") return t(`import.${state}`, { done, n });
  return state === "done" ? t("import.done", { n: done, fresh }) : "";
}

function Progress({ found, actions }: { found: Importing; actions: ImportActions }) {
  const n = found.taken.length;
  if (found.state === "reading") return <Told text={t("import.reading")} />;
  if (found.state === "unreadable") return <p role="alert">{t(`import.unreadable.${found.why!}`)}</p>;
  return (
    <div role="group" aria-label={t("import.title")}>
      <Told class="import-state" text={progress(found)} />
      <Refusals found={found} />
      {(found.state === "preview" || found.state === "stopped" || found.state === "full") && n > 0 && (
        <button type="button" class="primary" onClick={() => void actions.send()}>
          {t(found.state === "preview" ? "import.send" : "import.on")}
        </button>
      )}
    </div>
  );
}

export default function Imports({ actions, lists }: { actions: ImportActions; lists: ConversationActions }) {
  const box = useRef<HTMLInputElement>(null);
  const found = importing.value;
  const making = exporting.value;
  return (
    <section class="my-data" aria-labelledby="imports">
      <h3 id="imports">{t("import.head")}</h3>
      <p class="hint">{t("import.what")}</p>
      <label class="field">
        <span>{t("import.file")}</span>
        <input
          type="file"
          accept=".json,application/json"
          ref={box}
          disabled={found?.state === "sending" || found?.state === "reading"}
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (file) void actions.read(file);
          }}
        />
      </label>
      {found && <Progress found={found} actions={actions} />}
      <div class="sure">
        {(["json", "md"] as const).map((shape) => (
          <button key={shape} type="button" disabled={making !== null} onClick={() => void lists.savedAll(shape)}>
            {t("export.all")}: {t(`export.${shape}`)}
          </button>
        ))}
      </div>
      {making && making.done > 0 && <Told text={t("export.doing", { n: making.done })} />}
    </section>
  );
}
