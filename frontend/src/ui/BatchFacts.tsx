/** A batch's numbers, the arithmetic of its choice, its times and its names. */
import { known, language, t } from "../i18n";
import { choiceText, isOver, moments, progress, type Moment } from "../logic/batches";
import { clock, day, duration, number, usd } from "../logic/format";
import type { Batch } from "../types";

const BAD: readonly Moment[] = ["failed", "expired"];

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
  const rows: Row[] = [];
  const add = <T,>(name: string, value: T | null | undefined, as: (value: T) => string) => {
    if (value !== null && value !== undefined) rows.push([name, as(value)]);
    else if (!isOver(batch)) rows.push([name, t("batch.unknown")]);
  };
  add(t(isOver(batch) ? "batch.cost" : "batch.cost.sofar"), ours.cost_usd, (sum) => usd(sum, lang));
  add(t("batch.rate"), ours.tokens_per_second, (n) =>
    t("batch.rate.value", { n: number(n, lang, n < 10 ? 1 : 0) }),
  );
  add(t("batch.where"), ours.backend, (name) => known("batch.where", name) ?? name);
  if (total > 0) {
    rows.push([t("batch.answered"), number(settled - failed, lang)], [t("batch.unanswered"), number(failed, lang)]);
  }
  const [read, written] = [ours.prompt_tokens, ours.completion_tokens];
  if (read || written) {
    rows.push([t("batch.tokens"), `${number(read ?? 0, lang)} / ${number(written ?? 0, lang)}`]);
  }
  return rows.length > 0 ? <List rows={rows} kind="facts" /> : null;
}

/** What it would have cost and how long it would have taken in each place, as the newest plan reckoned. */
function Sums({ figures }: { figures: NonNullable<Batch["foreverus"]>["choice"] }) {
  const lang = language.value;
  const there = (["bedrock", "gpu"] as const).filter((name) => typeof figures?.[`${name}_usd`] === "number");
  if (!figures || there.length === 0) return null;
  return (
    <div class="table">
      <table class="sums">
        <thead>
          <tr>
            <td />
            <th scope="col">{t("batch.cost")}</th>
            <th scope="col">{t("batch.duration")}</th>
          </tr>
        </thead>
        <tbody>
          {there.map((name) => (
            <tr key={name}>
              <th scope="row">{t(`batch.where.${name}`)}</th>
              <td>{usd(Number(figures[`${name}_usd`]), lang)}</td>
              <td>{typeof figures[`${name}_seconds`] === "number" ? duration(Number(figures[`${name}_seconds`])) : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Choice({ batch }: { batch: Batch }) {
  const text = choiceText(batch);
  if (!text) return null;
  const figures = batch.foreverus?.choice ?? null;
  const reason = known("batch.reason", typeof figures?.["reason_code"] === "string" ? figures["reason_code"] : "");
  if (!reason) {
    return (
      <details>
        <summary>{t("batch.choice")}</summary>
        <p class="choice">{text}</p>
      </details>
    );
  }
  return (
    <details>
      <summary>{t("batch.choice")}</summary>
      <p>{reason}</p>
      <Sums figures={figures} />
      <details>
        <summary>{t("batch.reason.words")}</summary>
        <p class="choice" lang="en">
          {text}
        </p>
      </details>
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
            <li key={name} class={now ? "step-now" : BAD.includes(name) ? "step-bad" : "step-done"} aria-current={now ? "step" : undefined}>
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
