/** What figures were reckoned with, and where each comes from: one click away from them. */
import { known, t } from "../i18n";
import { figureOf, sourceOf } from "../logic/sources";
import type { Assumption } from "../types";

export function Assumptions({ of }: { of: readonly Assumption[] }) {
  return (
    <details class="why">
      <summary>{t("usage.assumptions")}</summary>
      <ul>
        {of.map((one) => (
          <li key={one.name}>
            {known("assumption", one.name) ?? one.name.replaceAll("_", " ")}: {figureOf(one.expected, one.unit)} ({sourceOf(one.source)})
          </li>
        ))}
      </ul>
    </details>
  );
}
