/** What somebody needs who looks for an error in the log: shown to those who ask for it. */
import { t } from "../i18n";
import type { Trace } from "../logic/outbox";
import { Copy } from "./Code";

export default function TraceView({ trace }: { trace: Trace }) {
  const more = [trace.status, trace.code].filter(Boolean).join(" · ");
  return (
    <details class="trace">
      <summary>{t("error.details")}</summary>
      <p>
        {t("error.id")} <code>{trace.id}</code> <Copy text={trace.id} words="error.id.copy" />
      </p>
      {more && <p>{more}</p>}
    </details>
  );
}
