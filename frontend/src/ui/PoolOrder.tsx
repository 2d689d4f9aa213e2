/** In which order the GPU was asked for by type and zone, where interruptions have taught one. */
import { language, t } from "../i18n";
import { number, usd } from "../logic/format";
import type { Pools } from "../wire";

export function PoolOrder({ first, last }: Pools["numbers"]) {
  const shown = (one: Pools["numbers"]["first"]) =>
    t("pools.one", {
      type: one.instance_type,
      zone: one.availability_zone,
      usd: usd(one.usd, language.value),
      interruptions: number(one.interruptions, language.value, 1),
      hours: number(one.hours, language.value, 1),
    });
  return <p class="hint">{t("pools.order", { first: shown(first), last: shown(last) })}</p>;
}
