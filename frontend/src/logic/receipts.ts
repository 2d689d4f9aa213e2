/** A receipt's sums as they are shown: parts that add up to the total, to the last digit. Pure but for its words. */
import { language, t } from "../i18n";
import { addingUp, usd } from "./format";
import type { Receipt } from "../types";

export const PARTS = ["gpu_usd", "storage_usd", "address_usd", "database_usd", "bedrock_usd"] as const;

export function total(receipt: Receipt): string {
  return receipt.total_usd === null ? t("receipt.unknown") : usd(receipt.total_usd, language.value);
}

/** The parts rounded so that they add up to the total that is shown. */
export function rounded(receipt: Receipt): Receipt {
  if (receipt.total_usd === null) return receipt;
  const parts = addingUp(PARTS.map((name) => receipt[name] ?? 0), receipt.total_usd);
  const shown = Object.fromEntries(PARTS.map((name, i) => [name, receipt[name] == null ? receipt[name] : parts[i]]));
  return { ...receipt, ...shown };
}
