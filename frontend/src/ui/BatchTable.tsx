/** A file that is no batch yet: how each of its rows becomes a question. */
import { useSignal } from "@preact/signals";
import type { DraftActions } from "../actions/batchDraft";
import { language, t } from "../i18n";
import { number } from "../logic/format";
import { batchOf, filled, likelyPrompt, unknownNames, type Table } from "../logic/tables";
import { models } from "../state";

const PREVIEW = 3;
const PREVIEW_CHARACTERS = 400;

export default function BatchTable({ table, actions }: { table: Table; actions: DraftActions }) {
  const prompt = useSignal(likelyPrompt(table));
  const system = useSignal("");
  const most = useSignal("200");
  const model = models.value.find((name) => !name.includes("@"));
  const unknown = [...unknownNames(prompt.value, table), ...unknownNames(system.value, table)];
  const limit = most.value.trim() === "" ? null : Number(most.value);
  const good = model && prompt.value.trim() && unknown.length === 0 && (limit === null || (Number.isInteger(limit) && limit > 0));
  return (
    <form
      class="stage table-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (good) void actions.choose(batchOf(table, { prompt: prompt.value, system: system.value, maxTokens: limit }, model));
      }}
    >
      <h3>{t("batch.table.head", { name: table.name, rows: number(table.rows.length, language.value) })}</h3>
      <p>{t("batch.table.lead")}</p>
      <p class="hint">
        {t("batch.table.columns")}{" "}
        {table.columns.map((column) => (
          <code key={column}>{`{{${column}}} `}</code>
        ))}
      </p>
      <label class="field">
        <span>{t("batch.table.prompt")}</span>
        <textarea rows={3} value={prompt.value} onInput={(event) => (prompt.value = event.currentTarget.value)} />
      </label>
      {unknown.length > 0 && (
        <p class="trouble" role="alert">
          {t("batch.table.unknown", { names: unknown.join(", ") })}
        </p>
      )}
      <label class="field">
        <span>{t("batch.table.system")}</span>
        <textarea rows={2} value={system.value} onInput={(event) => (system.value = event.currentTarget.value)} />
      </label>
      <label class="field">
        <span>{t("batch.table.most")}</span>
        <input type="number" min={1} max={8192} value={most.value} onInput={(event) => (most.value = event.currentTarget.value)} />
      </label>
      <h4>{t("batch.table.preview")}</h4>
      <ol class="preview" aria-label={t("batch.table.preview")}>
        {table.rows.slice(0, PREVIEW).map((row, i) => (
          <li key={i}>{filled(prompt.value, table, row).slice(0, PREVIEW_CHARACTERS)}</li>
        ))}
      </ol>
      <button type="submit" class="primary" disabled={!good}>
        {t("batch.table.use")}
      </button>
    </form>
  );
}
