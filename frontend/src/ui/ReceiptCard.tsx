import { language, t } from "../i18n";
import { clock, duration, number, usd } from "../logic/format";
import { MINIMUM_S } from "../logic/prices";
import { rounded, total } from "../logic/receipts";
import { time } from "../logic/sessions";
import { sourceOf } from "../logic/sources";
import type { Receipt } from "../types";

type Row = [name: string, value: string];

function rows(receipt: Receipt): Row[] {
  const lang = language.value;
  const [from, to] = [time(receipt.launched_at), time(receipt.terminated_at)];
  const found: (Row | false)[] = [
    [t("receipt.minutes"), number(receipt.instance_minutes ?? (receipt.instance_seconds ?? 0) / 60, lang, 2)],
    from !== undefined && to !== undefined && [t("receipt.time"), `${clock(from, lang)} – ${clock(to, lang)}`],
    typeof receipt.instance_type === "string" && [t("session.machine"), receipt.instance_type],
    (receipt.lifecycle === "spot" || receipt.lifecycle === "on-demand") && [
      t("receipt.kind"),
      t(`session.${receipt.lifecycle}`),
    ],
    typeof receipt.price_per_hour_usd === "number" && [t("receipt.price"), usd(receipt.price_per_hour_usd, lang)],
    typeof receipt.gpu_usd === "number" && [t("receipt.gpu"), usd(receipt.gpu_usd, lang)],
    typeof receipt.storage_usd === "number" && [t("receipt.storage"), usd(receipt.storage_usd, lang)],
    typeof receipt.address_usd === "number" && [t("receipt.address"), usd(receipt.address_usd, lang)],
    (receipt.database_usd ?? 0) > 0 && [t("receipt.database"), usd(receipt.database_usd ?? 0, lang)],
    (receipt.bedrock_messages ?? 0) > 0 && [
      t("receipt.bedrock"),
      typeof receipt.bedrock_usd === "number" ? usd(receipt.bedrock_usd, lang) : t("receipt.unknown"),
    ],
    [
      t("receipt.tokens"),
      `${number(receipt.prompt_tokens ?? 0, lang)} / ${number(receipt.completion_tokens ?? 0, lang)}`,
    ],
    [t("receipt.messages"), number(receipt.messages ?? 0, lang)],
  ];
  return found.filter((row) => row !== false);
}

/** The same work elsewhere, and what of it was paid while nobody asked. */
function compared(receipt: Receipt): Row[] {
  const lang = language.value;
  const { idle_seconds: idle, idle_usd: idleUsd, if_bedrock_usd: bedrock, always_on_day_usd: always } = receipt;
  const found: (Row | false)[] = [
    typeof receipt.boot_seconds === "number" && receipt.launches > 0 && [t("receipt.boot"), duration(receipt.boot_seconds)],
    typeof idle === "number" && typeof idleUsd === "number" && receipt.launches > 0 && [t("receipt.idle"), `${duration(idle)} · ${usd(idleUsd, lang)}`],
    typeof bedrock === "number" && receipt.launches > 0 && [t("receipt.elsewhere"), usd(bedrock, lang)],
    typeof always === "number" && [t("receipt.always"), usd(always, lang)],
  ];
  return found.filter((row) => row !== false);
}

function Rows({ of }: { of: readonly Row[] }) {
  return (
    <>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </>
  );
}

export function ReceiptCard({ receipt }: { receipt: Receipt }) {
  return (
    <section class="receipt" aria-labelledby="receipt">
      <h3 id="receipt">{t("receipt.title")}</h3>
      <dl>
        <Rows of={rows(rounded(receipt))} />
        <div class="total">
          <dt>{t("receipt.total")}</dt>
          <dd>{total(receipt)}</dd>
        </div>
      </dl>
      {compared(receipt).length > 0 && (
        <>
          <h4>{t("receipt.compared")}</h4>
          <dl>
            <Rows of={compared(receipt)} />
          </dl>
        </>
      )}
      {receipt.instance_id && (receipt.instance_seconds ?? MINIMUM_S) < MINIMUM_S && (
        <p class="hint">{t("receipt.minimum")}</p>
      )}
      {receipt.price_source && (
        <p class="hint">
          {t("receipt.source")}: {sourceOf(receipt.price_source)}
        </p>
      )}
    </section>
  );
}
