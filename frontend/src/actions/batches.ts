import { ApiError, type Api } from "../api";
import { known, t } from "../i18n";
import { downloadName, isOver, mergeBatches, nameOf } from "../logic/batches";
import { received, saveAs } from "../logic/download";
import { batches, batchesKnown, batchId, cancelling, contextTokens, downloads, models, moreBatches } from "../state";
import type { Batch } from "../types";
import { explain, notify, report, say } from "./notices";
import { go } from "./places";
import { fetching } from "./unfetched";

const HEADERS_MS = 30_000; // until an answer begins; its body takes as long as it takes

export function gotBatches(got: readonly Batch[]): void {
  const open = () => batches.value.find((batch) => batch.id === batchId.value);
  const before = open();
  batches.value = mergeBatches(batches.value, got);
  const after = open();
  if (!after || !before || before.status === after.status) return;
  const status = known("batch.status", after.status) ?? after.status;
  say(t("batch.spoken.status", { name: nameOf(after), status }));
}

function setDownload(id: string, bytes: number | null): void {
  const { [id]: _, ...rest } = downloads.value;
  downloads.value = bytes === null ? rest : { ...rest, [id]: bytes };
}

export function batchActions(api: Api, save = saveAs) {
  /** The oldest batch that was fetched. */
  let oldest: string | undefined;
  let fetchingMore = false;

  /** A file's content, once its first bytes are there: the rest takes as long as it takes. */
  async function content(fileId: string): Promise<Response> {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), HEADERS_MS);
    try {
      return await api.content(fileId, stop.signal);
    } finally {
      clearTimeout(late);
    }
  }

  return {
    content,

    /** The newest batches. */
    refresh: (): Promise<void> =>
      fetching("batches", async () => {
        const listing = await api.batches();
        gotBatches(listing.data);
        batchesKnown.value = true;
        if (oldest !== undefined) return;
        oldest = listing.data.at(-1)?.id;
        moreBatches.value = listing.has_more ?? false;
      }),

    async more(): Promise<void> {
      if (fetchingMore) return;
      fetchingMore = true;
      try {
        const listing = await api.batches(oldest);
        gotBatches(listing.data);
        oldest = listing.data.at(-1)?.id ?? oldest;
        moreBatches.value = listing.has_more ?? false;
      } catch (error) {
        report(error);
      } finally {
        fetchingMore = false;
      }
    },

    /** Whether there is more to come. Throws when nobody answered. */
    async look(id: string): Promise<boolean> {
      try {
        const batch = await api.batch(id);
        gotBatches([batch]);
        return !isOver(batch);
      } catch (error) {
        if (error instanceof ApiError && error.passing) throw error;
        if (error instanceof ApiError && error.status === 404) {
          notify(t("batch.gone"));
          if (batchId.value === id) go({ area: "batches", id: null });
        } else {
          report(error);
        }
        return false;
      }
    },

    /** What the check of a file compares with; without an answer any name is taken, and the server has the last word. */
    async learnModels(): Promise<void> {
      if (models.value.length > 0) return;
      try {
        const found = await api.models();
        models.value = found.map((model) => model.id);
        contextTokens.value = found[0]?.context_window ?? null;
      } catch (error) {
        if (error instanceof ApiError && !error.passing) report(error);
      }
    },

    async cancel(id: string): Promise<void> {
      if (cancelling.value === id) return;
      cancelling.value = id;
      try {
        gotBatches([await api.cancelBatch(id)]);
      } catch (error) {
        report(error);
      } finally {
        cancelling.value = null;
      }
    },

    async download(batch: Batch, kind: "output" | "errors"): Promise<void> {
      const id = kind === "output" ? batch.output_file_id : batch.error_file_id;
      if (!id || downloads.value[id] !== undefined) return;
      setDownload(id, 0);
      try {
        const response = await content(id);
        save(await received(response, (bytes) => setDownload(id, bytes)), downloadName(batch, kind));
      } catch (error) {
        if (error instanceof ApiError && error.code === "signed_out") report(error);
        else notify(t("batch.download.failed", { reason: explain(error) }));
      } finally {
        setDownload(id, null);
      }
    },
  };
}

export type BatchActions = ReturnType<typeof batchActions>;
