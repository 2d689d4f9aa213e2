/** What is in work while a GPU is on: who switches it off should know whose work is in it. Pure. */
import { t } from "../i18n";
import type { SessionWork } from "../types";

/** Whether somebody should be asked before the GPU goes. */
export function isInWork(work: SessionWork): boolean {
  return work.messages.yours > 0 || work.messages.of_others > 0 || work.batches.length > 0;
}

/** What is true once it was ended, of one's own messages and of other people's batches; null: nothing was in work. */
export function afterwards(work: SessionWork | undefined): string | null {
  const others = work?.batches.filter((one) => one.goes_on).length ?? 0;
  const said: string[] = [];
  if (work?.messages.yours) said.push(t("gpu.work.ends", { count: work.messages.yours }));
  if (others) said.push(t("gpu.work.goeson", { batches: others }));
  return said.join(" ") || null;
}
