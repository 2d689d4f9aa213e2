/** Everything of a person: to take along, and to have deleted. */
import { useSignal } from "@preact/signals";
import { isMeant, type MyDataActions } from "../actions/mydata";
import { known, language, t } from "../i18n";
import { bytes, day } from "../logic/format";
import { deletingAccount, erasure, myExport } from "../state";
import { isEnterOfInputMethod } from "./enter";
import { Told } from "./Said";

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
        <Told text={t("mydata.ready", { size, day: at })} />
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
  if (found.status === "running") return <Told text={t("mydata.running")} />;
  return (
    <>
      <Told text={t("mydata.failed")} />
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
      <button type="button" class="danger" id="delete-everything" onClick={() => (asking.value = true)}>
        {t("mydata.delete")}
      </button>
    );
  }
  const matches = isMeant(words.value);
  return (
    <form
      class="key-form"
      data-home="delete-everything"
      onSubmit={(event) => {
        event.preventDefault();
        void actions.deleteEverything(words.value);
      }}
    >
      <p>{t("mydata.delete.what")}</p>
      <p class="hint">{t("mydata.delete.backups")}</p>
      <label class="field">
        <span>{t("mydata.delete.type", { words: t("mydata.delete.words") })}</span>
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
        <div class="verdict verdict-good">
          <Told text={t("mydata.gone", { id: gone.id })} />
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
