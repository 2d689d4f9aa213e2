/** A receipt's sums as they are shown: parts that add up to the total, to the last digit. Pure but for its words. */
import { language, t, type Key } from "../i18n";
import { addingUp, usd } from "./format";
import type { Receipt } from "../types";

export const PARTS = ["gpu_usd", "storage_usd", "address_usd", "database_usd", "bedrock_usd"] as const;

export function total(receipt: Receipt): string {
  return receipt.total_usd === null ? t("receipt.unknown") : usd(receipt.total_usd, language.value);
}

/** What makes up the total, as words and sums: rounded so that they add up to the total that is shown. */
export function costs(receipt: Receipt): [words: Key, sum: string][] {
  const exact = PARTS.map((name) => receipt[name] ?? 0);
  const sums = receipt.total_usd === null ? exact : addingUp(exact, receipt.total_usd);
  return PARTS.flatMap((name, i): [Key, string][] => {
    const words = `receipt.${name.replace("_usd", "")}` as Key;
    const answered = name === "bedrock_usd" && (receipt.bedrock_messages ?? 0) > 0;
    if (typeof receipt[name] !== "number") return answered ? [[words, t("receipt.unknown")]] : [];
    // Who has no database, and whom Bedrock answered nothing, is told of neither.
    if ((name === "database_usd" || name === "bedrock_usd") && !answered && sums[i]! <= 0) return [];
    return [[words, usd(sums[i]!, language.value)]];
  });
}
