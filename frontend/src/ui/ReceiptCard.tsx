import { language, t } from "../i18n";
import { addingUp, clock, number, usd } from "../logic/format";
import { MINIMUM_S } from "../logic/prices";
import { time } from "../logic/sessions";
import type { Receipt } from "../types";

export function total(receipt: Receipt): string {
  return receipt.total_usd === null ? t("receipt.unknown") : usd(receipt.total_usd, language.value);
}

const PARTS = ["gpu_usd", "storage_usd", "address_usd", "database_usd", "bedrock_usd"] as const;

/** The parts as they are shown: rounded so that they add up to the total that is shown. */
function shown(receipt: Receipt): Receipt {
  if (receipt.total_usd === null) return receipt;
  const parts = addingUp(PARTS.map((name) => receipt[name] ?? 0), receipt.total_usd);
  const rounded = Object.fromEntries(PARTS.map((name, i) => [name, receipt[name] == null ? receipt[name] : parts[i]]));
  return { ...receipt, ...rounded };
}

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

export function ReceiptCard({ receipt }: { receipt: Receipt }) {
  return (
    <section class="receipt" aria-labelledby="receipt">
      <h3 id="receipt">{t("receipt.title")}</h3>
      <dl>
        {rows(shown(receipt)).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div class="total">
          <dt>{t("receipt.total")}</dt>
          <dd>{total(receipt)}</dd>
        </div>
      </dl>
      {receipt.instance_id && (receipt.instance_seconds ?? MINIMUM_S) < MINIMUM_S && (
        <p class="hint">{t("receipt.minimum")}</p>
      )}
      {receipt.price_source && (
        <p class="hint">
          {t("receipt.source")}: {receipt.price_source}
        </p>
      )}
    </section>
  );
}
