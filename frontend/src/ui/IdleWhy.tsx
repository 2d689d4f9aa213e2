/** Why the GPU stays on for so long without use, where nobody gave it a number. */
import { language, t } from "../i18n";
import { span, usd } from "../logic/format";
import type { Session } from "../types";

export default function IdleWhy({ idle }: { idle: NonNullable<Session["idle"]> }) {
  const { reason, numbers } = idle;
  if (reason === "fixed") return null;
  const of = (name: string) => Number(numbers[name] ?? 0);
  return (
    <p class="hint">
      {t(`idle.${reason}`, {
        shorter: of("shorter"),
        pauses: of("pauses"),
        restart: span(of("restart_seconds")),
        bedrock: usd(of("bedrock_usd_per_hour"), language.value),
        gpu: usd(of("gpu_usd_per_hour"), language.value),
      })}
    </p>
  );
}
