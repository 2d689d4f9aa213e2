import type { BatchActions } from "../actions/batches";
import { go } from "../actions/places";
import { known, language, t } from "../i18n";
import { isOver, isScheduled, nameOf, progress } from "../logic/batches";
import { day, percent, when } from "../logic/format";
import { batches, batchesKnown, batchId, moreBatches, now } from "../state";
import type { Batch } from "../types";
import { PlaceLink } from "./PlaceLink";
import { Wait } from "./Wait";

function state(batch: Batch): string {
  const { share } = progress(batch);
  const word = known("batch.status", batch.status) ?? batch.status;
  return !isOver(batch) && share !== null ? `${word} · ${percent(share, language.value)}` : word;
}

function Row({ batch }: { batch: Batch }) {
  const to = { area: "batches", id: batch.id } as const;
  const created = batch.created_at * 1000;
  return (
    <li>
      <PlaceLink to={to} current={batch.id === batchId.value}>
        <span class="batch-name">{nameOf(batch)}</span>
        <span class="batch-line">
          <span class={`word word-${batch.status}`}>{state(batch)}</span>
          <time dateTime={new Date(created).toISOString()} title={day(created, language.value)}>
            {when(created, now.value, language.value)}
          </time>
        </span>
        {isScheduled(batch) && <span class="tag">{t("batch.scheduled")}</span>}
      </PlaceLink>
    </li>
  );
}

export function BatchList({ actions }: { actions: BatchActions }) {
  return (
    <nav class="conversations batch-list" aria-label={t("batch.list")}>
      <button type="button" class="wide" onClick={() => go({ area: "batches", id: null })}>
        + {t("batch.new")}
      </button>
      <ul>
        {batches.value.map((batch) => (
          <Row key={batch.id} batch={batch} />
        ))}
      </ul>
      {batches.value.length === 0 && (batchesKnown.value ? <p class="hint">{t("batch.none")}</p> : <Wait name="batches" loading="batch.loading" />)}
      {moreBatches.value && (
        <button type="button" class="quiet" onClick={() => void actions.more()}>
          {t("batch.more")}
        </button>
      )}
    </nav>
  );
}
