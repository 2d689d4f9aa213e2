import { language, t } from "../i18n";
import { clock, duration, number, usd } from "../logic/format";
import { MINIMUM_S } from "../logic/prices";
import { costs, total } from "../logic/receipts";
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
    ...costs(receipt).map(([words, sum]): Row => [t(words), sum]),
    [
      t("receipt.tokens"),
      `${number(receipt.prompt_tokens ?? 0, lang)} / ${number(receipt.completion_tokens ?? 0, lang)}`,
    ],
    [t("receipt.messages"), number(receipt.messages ?? 0, lang)],
  ];
  return found.filter((row) => row !== false);
}

const whole = (text: string) => text.replaceAll(" ", "\u00a0"); // a figure and its unit stay on one line

/** The same work elsewhere, and what of it was paid while nobody asked. */
function compared(receipt: Receipt): Row[] {
  const lang = language.value;
  const { idle_seconds: idle, idle_usd: idleUsd, if_bedrock_usd: bedrock, always_on_day_usd: always } = receipt;
  const found: (Row | false)[] = [
    typeof receipt.boot_seconds === "number" && receipt.launches > 0 && [t("receipt.boot"), whole(duration(receipt.boot_seconds))],
    typeof idle === "number" && typeof idleUsd === "number" && receipt.launches > 0 && [t("receipt.idle"), `${whole(duration(idle))} · ${usd(idleUsd, lang)}`],
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
        <Rows of={rows(receipt)} />
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
