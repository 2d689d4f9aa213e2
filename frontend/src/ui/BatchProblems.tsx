/** What is wrong with a file, by line: found here before sending, or by the server after it. */
import { useSignal } from "@preact/signals";
import { known, language, t } from "../i18n";
import type { Report } from "../logic/batchCheck";
import type { Problem } from "../logic/batchFindings";
import { isolated } from "../logic/bidi";
import { number } from "../logic/format";
import type { BatchError } from "../types";

const FIRST = 10;

export interface Row {
  line: number | null;
  title: string;
  param: string | null;
  more: string;
}

function words(values: Problem["values"] = {}): Record<string, string> {
  const shown = (value: string | number) => (typeof value === "number" ? number(value, language.value, 2) : value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, shown(value)]));
}

export function rowOfProblem(problem: Problem): Row {
  const { line, code, param, hint } = problem;
  return {
    line,
    title: t(`batch.code.${code}`),
    param,
    more: hint ? t(`batch.hint.${hint}`, words(problem.values)) : "",
  };
}

/** The server's message is its own; the code gives it a title in the person's language. */
export function rowOfError(error: BatchError): Row {
  const title = known("batch.code", error.code) ?? known("error", error.code);
  return { line: error.line ?? null, title: title ?? "", param: error.param ?? null, more: error.message ?? "" };
}

export function counts(report: Report): string {
  return Object.entries(report.counts)
    .map(([code, count]) => `${known("batch.code", code) ?? code}: ${number(count, language.value)}`)
    .join(" · ");
}

export function ProblemTable({ rows, total }: { rows: readonly Row[]; total: number }) {
  const all = useSignal(false);
  const shown = all.value ? rows : rows.slice(0, FIRST);
  return (
    <div class="problems">
      <table>
        <caption class="spoken">{t("batch.problems")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("batch.problem.line")}</th>
            <th scope="col">{t("batch.problem.what")}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <tr key={i}>
              <td>{row.line === null ? t("batch.problem.file") : number(row.line, language.value)}</td>
              <td>
                {row.title && <strong>{row.title}{(row.param || row.more) && ":"}</strong>} {row.param && <code>{isolated(row.param)}</code>} {row.more}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown.length && (
        <button type="button" class="quiet" onClick={() => (all.value = true)}>
          {t("batch.problem.all", { count: number(rows.length, language.value) })}
        </button>
      )}
      {total > rows.length && rows.length === shown.length && (
        <p class="hint">{t("batch.problem.rest", { count: number(total - rows.length, language.value) })}</p>
      )}
    </div>
  );
}
