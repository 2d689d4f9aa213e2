/** What is in work on a GPU, in words, before it is switched off. */
import { t } from "../i18n";
import { endingWork } from "../state";
import type { SessionWork } from "../types";

/** One line for each kind of work that is there. */
export function inWork(work: SessionWork): string[] {
  const lines = (owned: (owner: SessionWork["batches"][number]["owner"]) => boolean) =>
    work.batches.filter((one) => owned(one.owner));
  const left = (batches: SessionWork["batches"]) => batches.reduce((sum, one) => sum + one.lines_left, 0);
  const own = lines((owner) => owner === "you");
  const others = lines((owner) => owner !== "you");
  const said: string[] = [];
  if (own.length) said.push(t("gpu.work.own", { batches: own.length, lines: left(own) }));
  if (others.length) said.push(t("gpu.work.others", { batches: others.length, lines: left(others) }));
  if (work.messages.yours) said.push(t("gpu.work.messages", { count: work.messages.yours }));
  if (work.messages.of_others) said.push(t("gpu.work.messages.others", { count: work.messages.of_others }));
  return said;
}

/** Asked of who switches off a GPU that has something to do. */
export default function InWork({ work, end }: { work: SessionWork; end: () => void }) {
  return (
    <div class="hint" role="alertdialog" aria-label={t("gpu.work.title")}>
      <p>{t("gpu.work.title")}</p>
      <ul>
        {inWork(work).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <div class="sure">
        <button type="button" class="stop" onClick={end}>
          {t("gpu.work.end")}
        </button>
        <button type="button" class="quiet" onClick={() => (endingWork.value = null)}>
          {t("gpu.work.keep")}
        </button>
      </div>
    </div>
  );
}
