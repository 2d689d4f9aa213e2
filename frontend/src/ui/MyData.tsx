/** Everything of a person: to take along, and to have deleted. */
import { useSignal } from "@preact/signals";
import { CONFIRMATION, type MyDataActions } from "../actions/mydata";
import { known, language, t } from "../i18n";
import { bytes, day } from "../logic/format";
import { deletingAccount, erasure, myExport } from "../state";
import { isEnterOfInputMethod } from "./enter";

function Take({ actions }: { actions: MyDataActions }) {
  const found = myExport.value;
  if (!found) {
    return (
      <button type="button" onClick={() => void actions.follow()}>
        {t("mydata.export")}
      </button>
    );
  }
  if (found.status === "ready" && found.url) {
    const [size, at] = [bytes(found.bytes ?? 0, language.value), day(Date.parse(found.created_at), language.value)];
    return (
      <>
        <p role="status">{t("mydata.ready", { size, day: at })}</p>
        <p>
          <a class="primary" href={found.url} download>
            {t("mydata.download")}
          </a>{" "}
          <button type="button" class="quiet" onClick={() => void actions.renew()}>
            {t("mydata.anew")}
          </button>
        </p>
      </>
    );
  }
  if (found.status === "running") return <p role="status">{t("mydata.running")}</p>;
  return (
    <>
      <p role="status">{t("mydata.failed")}</p>
      <button type="button" onClick={() => void actions.renew()}>
        {t("mydata.export")}
      </button>
    </>
  );
}

function Delete({ actions }: { actions: MyDataActions }) {
  const asking = useSignal(false);
  const words = useSignal("");
  if (!asking.value) {
    return (
      <button type="button" class="danger" onClick={() => (asking.value = true)}>
        {t("mydata.delete")}
      </button>
    );
  }
  const matches = words.value.trim().toLowerCase() === CONFIRMATION;
  return (
    <form
      class="key-form"
      onSubmit={(event) => {
        event.preventDefault();
        void actions.deleteEverything(words.value);
      }}
    >
      <p>{t("mydata.delete.what")}</p>
      <p class="hint">{t("mydata.delete.backups")}</p>
      <label class="field">
        <span>{t("mydata.delete.type", { words: CONFIRMATION })}</span>
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          ref={(input) => input?.focus()}
          value={words.value}
          onKeyDown={(event) => isEnterOfInputMethod(event) && event.preventDefault()}
          onInput={(event) => (words.value = event.currentTarget.value)}
        />
      </label>
      <div class="sure">
        <button type="submit" class="danger" disabled={!matches || deletingAccount.value}>
          {t("mydata.delete.sure")}
        </button>
        <button type="button" class="quiet" onClick={() => (asking.value = false)}>
          {t("mydata.delete.keep")}
        </button>
      </div>
    </form>
  );
}

export function MyData({ actions }: { actions: MyDataActions }) {
  const gone = erasure.value;
  return (
    <section class="my-data" aria-labelledby="my-data">
      <h3 id="my-data">{t("mydata.title")}</h3>
      {gone ? (
        <div class="verdict verdict-good" role="status">
          <p>{t("mydata.gone", { id: gone.id })}</p>
          <ul>
            {gone.kept.map((one) => (
              <li key={one.where}>{t("mydata.kept", { where: known("kept", one.where) ?? one.where, n: one.days })}</li>
            ))}
          </ul>
        </div>
      ) : (
        <>
          <p class="hint">{t("mydata.export.what")}</p>
          <Take actions={actions} />
          <Delete actions={actions} />
        </>
      )}
    </section>
  );
}
