/** A batch's numbers, the arithmetic of its choice, its times and its names. */
import { known, language, t } from "../i18n";
import { choiceText, isOver, moments, progress } from "../logic/batches";
import { clock, day, duration, number, usd } from "../logic/format";
import type { Batch } from "../types";

type Row = [name: string, value: string];

function List({ rows, kind }: { rows: readonly Row[]; kind: string }) {
  return (
    <dl class={kind}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Facts({ batch }: { batch: Batch }) {
  const lang = language.value;
  const ours = batch.foreverus ?? {};
  const { failed, settled, total } = progress(batch);
  const shown = (value: number | null | undefined, as: (value: number) => string) =>
    typeof value === "number" ? as(value) : t("batch.unknown");
  const rows: Row[] = [
    [t(isOver(batch) ? "batch.cost" : "batch.cost.sofar"), shown(ours.cost_usd, (value) => usd(value, lang))],
    [
      t("batch.rate"),
      shown(ours.tokens_per_second, (n) => t("batch.rate.value", { n: number(n, lang, n < 10 ? 1 : 0) })),
    ],
    [t("batch.where"), known("batch.where", ours.backend) ?? ours.backend ?? t("batch.unknown")],
  ];
  if (total > 0) {
    rows.push([t("batch.answered"), number(settled - failed, lang)], [t("batch.unanswered"), number(failed, lang)]);
  }
  const [read, written] = [ours.prompt_tokens, ours.completion_tokens];
  if (typeof read === "number" && typeof written === "number") {
    rows.push([t("batch.tokens"), `${number(read, lang)} / ${number(written, lang)}`]);
  }
  return <List rows={rows} kind="facts" />;
}

export function Choice({ batch }: { batch: Batch }) {
  const text = choiceText(batch);
  if (!text) return null;
  return (
    <details>
      <summary>{t("batch.choice")}</summary>
      <p class="choice">{text}</p>
    </details>
  );
}

export function Times({ batch }: { batch: Batch }) {
  const list = moments(batch);
  const begin = list[0]?.at ?? 0;
  const over = isOver(batch);
  return (
    <section aria-labelledby="batch-times">
      <h3 id="batch-times">{t("batch.times")}</h3>
      <ol class="steps">
        {list.map(({ name, at }, i) => {
          const now = !over && i === list.length - 1;
          return (
            <li key={name} class={now ? "step-now" : "step-done"} aria-current={now ? "step" : undefined}>
              <span class="step-name">{t(`batch.time.${name}`)}</span>
              <time dateTime={new Date(at).toISOString()} title={clock(at, language.value)}>
                {i === 0 ? day(at, language.value) : `+${duration((at - begin) / 1000)}`}
              </time>
            </li>
          );
        })}
        {!over && batch.expires_at && (
          <li class="step-next">
            <span class="step-name">{t("batch.time.expires")}</span>
            <time dateTime={new Date(batch.expires_at * 1000).toISOString()}>
              {day(batch.expires_at * 1000, language.value)}
            </time>
          </li>
        )}
      </ol>
    </section>
  );
}

export function Details({ batch }: { batch: Batch }) {
  const rows: Row[] = [
    [t("batch.detail.id"), batch.id],
    [t("batch.detail.input"), batch.input_file_id],
    [t("batch.endpoint"), batch.endpoint],
    [t("batch.window"), batch.completion_window],
  ];
  if (batch.model) rows.push([t("batch.model"), batch.model]);
  if (batch.foreverus?.round) rows.push([t("batch.detail.round"), number(batch.foreverus.round, language.value)]);
  const sessions = batch.foreverus?.sessions ?? [];
  if (sessions.length > 0) rows.push([t("batch.detail.sessions"), sessions.join(", ")]);
  return (
    <details>
      <summary>{t("batch.details")}</summary>
      <List rows={rows} kind="details" />
    </details>
  );
}
