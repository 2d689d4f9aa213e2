/** What figures were reckoned with, and where each comes from: one click away from them. */
import { language, t } from "../i18n";
import { number } from "../logic/format";
import type { Assumption } from "../types";

export function Assumptions({ of }: { of: readonly Assumption[] }) {
  return (
    <details class="why">
      <summary>{t("usage.assumptions")}</summary>
      <ul>
        {of.map((one) => (
          <li key={one.name}>
            {one.name.replaceAll("_", " ")}: {number(one.expected, language.value, 6)} {one.unit} ({one.source})
          </li>
        ))}
      </ul>
    </details>
  );
}
