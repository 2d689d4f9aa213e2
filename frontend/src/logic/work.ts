/** What is in work while a GPU is on, in words: who switches it off should know whose work is in it. Pure. */
import { t } from "../i18n";
import type { SessionWork } from "../types";

/** Whether somebody should be asked before the GPU goes. */
export function isInWork(work: SessionWork): boolean {
  return work.messages.yours > 0 || work.messages.of_others > 0 || work.batches.length > 0;
}

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

/** What is true once it was ended, of one's own messages and of other people's batches; null: nothing was in work. */
export function afterwards(work: SessionWork | undefined): string | null {
  const others = work?.batches.filter((one) => one.goes_on).length ?? 0;
  const said: string[] = [];
  if (work?.messages.yours) said.push(t("gpu.work.ends", { count: work.messages.yours }));
  if (others) said.push(t("gpu.work.goeson", { batches: others }));
  return said.join(" ") || null;
}
