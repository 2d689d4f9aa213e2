/** What the month has cost and what was used, as a plot and as a table: one's own, or the team's. */
import { useSignal } from "@preact/signals";
import type { UsageActions } from "../actions/usage";
import { known, language, t } from "../i18n";
import { saveAs } from "../logic/download";
import { about, addingUp, number, percent, span, usd } from "../logic/format";
import { cost } from "../logic/prices";
import { BACKENDS, by, columns, csv, dayName, type Column, type GroupName, type UsagePart, type UsageSum } from "../logic/usage";
import { live, now, person, report } from "../state";
import type { UsageReport } from "../types";
import { Assumptions } from "./Assumptions";
import { Wait } from "./Wait";

const GROUPS: readonly GroupName[] = ["day", "backend", "person", "kind"];
const WIDTH = 640;
const HEIGHT = 160;

const money = (value: number | null) => (value === null ? "–" : usd(value, language.value));

function Plot({ days }: { days: readonly Column[] }) {
  const most = Math.max(1, ...days.map((day) => day.tokens.reduce((all, one) => all + one, 0)));
  const step = WIDTH / days.length;
  return (
    <figure class="plot">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("usage.plot")}>
        {days.map((day, i) => {
          let top = HEIGHT;
          return day.tokens.map((tokens, j) => {
            const height = (tokens / most) * (HEIGHT - 10);
            top -= height;
            return (
              <rect key={`${day.day}${j}`} class={`bar-${BACKENDS[j]}`} x={i * step + 1} y={top} width={Math.max(1, step - 2)} height={height}>
                <title>{`${dayName(day.day, language.value)} · ${t(`usage.backend.${BACKENDS[j]!}`)}: ${number(tokens, language.value)}`}</title>
              </rect>
            );
          });
        })}
      </svg>
      <figcaption class="hint">
        {BACKENDS.filter((name, j) => name !== "sagemaker" || days.some((day) => day.tokens[j])).map((name) => (
          <span key={name} class={`key key-${name}`}>
            {t(`usage.backend.${name}`)}
          </span>
        ))}
        <span>{t("usage.plot.most", { tokens: number(most, language.value) })}</span>
      </figcaption>
    </figure>
  );
}

function nameOf(group: GroupName, name: string): string {
  if (group === "person" && name === person.value?.id) return t("usage.you");
  if (group === "day") return dayName(name, language.value);
  return known(`usage.${group}`, name) ?? name;
}

const SUMS = ["usd", "if_bedrock_usd", "if_gpu_usd"] as const;

/** The rows with sums that add up to the total's, as both are shown. */
function rounded(rows: readonly (UsageSum & { name: string })[], total: UsageSum) {
  const columns = SUMS.map((name) => {
    const sums = rows.map((one) => one[name]);
    return total[name] === null || sums.includes(null) ? sums : addingUp(sums as number[], total[name]);
  });
  return rows.map((one, i) => ({ ...one, ...Object.fromEntries(SUMS.map((name, j) => [name, columns[j]![i]!])) }));
}

function Table({ group, part }: { group: GroupName; part: UsagePart }) {
  const row = (name: string, of: UsageSum, key: string) => (
    <tr key={key}>
      <th scope="row">{name}</th>
      <td data-name={t("usage.column.answers")}>{number(of.messages, language.value)}</td>
      <td data-name={t("usage.column.tokens")}>
        {number(of.prompt_tokens, language.value)} / {number(of.completion_tokens, language.value)}
      </td>
      <td data-name={t("usage.column.bedrock")}>{money(of.usd)}</td>
      <td data-name={t("usage.column.ifbedrock")}>{money(of.if_bedrock_usd)}</td>
      <td data-name={t("usage.column.ifgpu")}>{money(of.if_gpu_usd)}</td>
    </tr>
  );
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {(["name", "answers", "tokens", "bedrock", "ifbedrock", "ifgpu"] as const).map((name) => (
              <th key={name} scope="col">
                {name === "name" ? t(`usage.by.${group}`) : t(`usage.column.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rounded(by(group, part.groups), part.totals).map((one) => row(nameOf(group, one.name), one, one.name))}</tbody>
        <tfoot>{row(t("receipt.total"), part.totals, "total")}</tfoot>
      </table>
    </div>
  );
}

/** How near the session that is on is to its cap, on the server's clock. */
function SessionCap({ cap }: { cap: number }) {
  const session = live.value;
  const lang = language.value;
  if (!session?.launched_at) return <>{t("usage.session.cap.off", { cap: about(cap, lang) })}</>;
  const [spent, own] = [cost(session, now.value).usd, session.spend?.session_cap_usd ?? cap];
  return <>{t("usage.session.cap", { cap: about(own, lang), usd: usd(spent, lang), share: percent(spent / own, lang) })}</>;
}

function Month({ shown }: { shown: UsageReport }) {
  const cap = shown.caps.monthly_usd;
  const lang = language.value;
  const always = shown.team.totals.if_always_on_usd;
  return (
    <div class="stage">
      <p>
        <strong>{usd(shown.total_usd, lang)}</strong> {t("usage.of", { cap: about(cap, lang), share: percent(shown.total_usd / cap, lang) })}
      </p>
      <progress aria-label={t("usage.cap")} max={cap} value={Math.min(cap, shown.total_usd)} />
      <p class="hint">
        {t("usage.left", { usd: usd(shown.left_usd, lang) })} <SessionCap cap={shown.caps.session_usd} />
      </p>
      <Ahead of={shown.forecast} />
      {shown.idle.sessions > 0 && (
        <p class="hint">{t("usage.idle", { time: span(shown.idle.seconds), usd: usd(shown.idle.usd, lang), n: number(shown.idle.sessions, lang) })}</p>
      )}
      {always !== null && <p class="hint">{t("usage.always", { usd: usd(always, lang) })}</p>}
    </div>
  );
}

function Ahead({ of }: { of: UsageReport["forecast"] }) {
  const lang = language.value;
  const sums = { usd: usd(of.expected, lang), low: usd(of.low, lang), high: usd(of.high, lang), day: usd(of.usd_per_day, lang) };
  return (
    <p class="hint">
      {t("usage.ahead", { ...sums, left: number(of.days_left, lang, 1) })}{" "}
      {of.enough ? t("usage.ahead.days", { n: String(of.days), from: dayName(of.from, lang), to: dayName(of.to, lang) }) : t("usage.ahead.guess")}{" "}
      {of.passes_cap_on && t("usage.ahead.cap", { day: dayName(of.passes_cap_on, lang) })}
    </p>
  );
}

function Report({ shown }: { shown: UsageReport }) {
  const whose = useSignal<"team" | "own">("team");
  const group = useSignal<GroupName>("day");
  const part = shown[whose.value];
  return (
    <>
      <Month shown={shown} />
      <div class="usage-choose">
        <label>
          {t("usage.whose")}{" "}
          <select value={whose.value} onChange={(event) => (whose.value = event.currentTarget.value as "team" | "own")}>
            <option value="team">{t("usage.whose.team")}</option>
            <option value="own">{t("usage.whose.own")}</option>
          </select>
        </label>
        <label>
          {t("usage.group")}{" "}
          <select value={group.value} onChange={(event) => (group.value = event.currentTarget.value as GroupName)}>
            {GROUPS.map((name) => (
              <option key={name} value={name}>
                {t(`usage.by.${name}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => saveAs(new Blob([csv(part.groups)], { type: "text/csv" }), `foreverus-${shown.from}-${shown.to}.csv`)}>
          {t("usage.csv")}
        </button>
      </div>
      <Plot days={columns(part.groups, shown.from, shown.to)} />
      <Table group={group.value} part={part} />
      <Assumptions of={shown.assumptions} />
    </>
  );
}

export default function UsageView({ actions }: { actions: UsageActions }) {
  const shown = report.value;
  return (
    <section class="batch usage" data-home="usage" aria-labelledby="usage">
      <div class="chat-head">
        <h2 id="usage" tabIndex={-1}>
          {t("usage.title")}
        </h2>
        <button type="button" class="quiet" onClick={() => void actions.refresh()}>
          {t("usage.refresh")}
        </button>
      </div>
      <div class="batch-body">{shown ? <Report shown={shown} /> : <Wait name="usage" />}</div>
    </section>
  );
}
