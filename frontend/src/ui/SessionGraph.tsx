/** The session as its state machine, drawn as it happens, and all of it as a table. */
import { known, language, t } from "../i18n";
import { etaOf, roughly } from "../logic/eta";
import { clock, day, duration } from "../logic/format";
import { bootSteps, nextOf, nodes, refusals, shortZones, stateOf, type Node, type Refusal } from "../logic/graph";
import { time } from "../logic/sessions";
import { now } from "../state";
import type { Session, SessionEvent } from "../types";

const WIDTH = 288;
const ROW = 30;
const SMALL = 19;
const SPINE = 14;

const state = (name: Node["name"]) => t(`graph.state.${name}`);

function why(error: string): string {
  return known("graph.why", error) ?? t("graph.why.LaunchRefused");
}

function kind(lifecycle: string): string {
  return known("session", lifecycle) ?? lifecycle;
}

/** What is written beside a state: how long it took, or is expected to. */
function beside(node: Node, session: Session): string {
  if (node.seconds !== undefined) return duration(node.seconds);
  const eta = node.name === "serving" && node.state === "next" ? etaOf(session, now.value) : undefined;
  return eta && eta.remaining > 0 ? t("graph.soon", { time: roughly(eta.remaining) }) : "";
}

interface Line {
  kind: "state" | "step" | "refusal";
  name: string;
  state: Node["state"];
  text: string;
  beside: string;
}

function refusalLines(refused: readonly Refusal[]): Line[] {
  return refused.flatMap((one, i): Line[] => {
    const where = one.zones.length > 0 ? shortZones(one.zones) : t("graph.call");
    const line = (name: string, text: string): Line => ({ kind: "refusal", name: `${i}${name}`, state: "failed", text, beside: "" });
    return [line("why", `✕ ${kind(one.lifecycle)}: ${why(one.error)}`), line("where", `    ${where}`)];
  });
}

/** From top to bottom. */
function lines(session: Session, at: number): Line[] {
  const refused = refusalLines(refusals(session));
  return nodes(session, at).flatMap((node): Line[] => {
    const own: Line = { kind: "state", name: node.name, state: node.state, text: state(node.name), beside: beside(node, session) };
    if (node.name === "launching") return [own, ...refused];
    if (node.name !== "booting" || node.state === "next") return [own];
    const steps = bootSteps(session, at).map((step): Line => {
      const took = step.seconds === undefined ? "" : duration(step.seconds);
      return { kind: "step", name: step.name, state: step.state, text: t(`graph.step.${step.name}`), beside: took };
    });
    return [own, ...steps];
  });
}

/** The whole in one sentence: what the picture shows to who does not see it. */
function sentence(session: Session, at: number): string {
  const name = stateOf(session);
  const current = nodes(session, at).find((one) => one.name === name);
  const next = nextOf(session);
  const end = session.status === "failed" ? t("graph.failed") : t("graph.end");
  return t("graph.label", {
    state: state(name),
    time: current?.seconds === undefined ? "" : t("graph.for", { time: duration(current.seconds) }),
    next: next ? t("graph.next", { state: state(next) }) : end,
  });
}

interface Placed extends Line {
  y: number;
}

function placed(all: readonly Line[]): Placed[] {
  let y = 4;
  return all.map((line) => {
    const height = line.kind === "state" ? ROW : SMALL;
    y += height;
    return { ...line, y: y - height / 2 };
  });
}

/** A lost GPU leads back to the launch: as a loop beside the states. */
function Loop({ rows, attempt }: { rows: readonly Placed[]; attempt: number }) {
  const from = rows.find((one) => one.name === "booting");
  const to = rows.find((one) => one.name === "launching");
  if (attempt === 0 || !from || !to) return null;
  const x = WIDTH - 62;
  return (
    <g class="graph-loop">
      <path d={`M ${x} ${from.y} C ${x + 22} ${from.y}, ${x + 22} ${to.y}, ${x} ${to.y}`} />
      <path d={`M ${x + 6} ${to.y - 4} L ${x} ${to.y} L ${x + 6} ${to.y + 4}`} />
    </g>
  );
}

function Mark({ row }: { row: Placed }) {
  if (row.kind === "refusal") return null;
  const inner = row.kind === "step";
  return <circle class={`graph-${row.state}`} cx={inner ? SPINE + 20 : SPINE} cy={row.y} r={inner ? 4 : 7} />;
}

export function SessionGraph({ session }: { session: Session }) {
  const rows = placed(lines(session, now.value));
  const states = rows.filter((row) => row.kind === "state");
  const height = (rows.at(-1)?.y ?? 0) + ROW / 2 + 2;
  return (
    <figure class="graph">
      {session.attempt > 0 && <figcaption class="trouble">{t("graph.again", { n: session.attempt + 1 })}</figcaption>}
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={sentence(session, Math.floor(now.value / 30_000) * 30_000)}>
        <path class="graph-spine" d={`M ${SPINE} ${states[0]!.y} V ${states.at(-1)!.y}`} />
        <Loop rows={rows} attempt={session.attempt} />
        {rows.map((row) => (
          <g key={`${row.kind}${row.name}`} class={`graph-row graph-row-${row.kind} graph-row-${row.state}`}>
            <Mark row={row} />
            <text x={row.kind === "state" ? SPINE + 18 : SPINE + 32} y={row.y}>
              {row.text}
            </text>
            <text class="graph-time" x={WIDTH - 2} y={row.y}>
              {row.beside}
            </text>
          </g>
        ))}
      </svg>
    </figure>
  );
}

function what(event: SessionEvent): string {
  return known("events", event.state) ?? known("session.step", event.state) ?? event.state;
}

/** Where a GPU was bought, or each place that was refused with its reason. */
function Where({ event }: { event: SessionEvent }) {
  if (event.state === "refused")
    return (
      <ul>
        {event.refused.map((one, i) => (
          <li key={i}>
            {one.code ? `${one.availability_zone} · ${one.instance_type}` : t("graph.call")} · {kind(event.lifecycle ?? "")}: {why(one.error)}
            {one.code && <span class="hint"> {one.code}</span>}
          </li>
        ))}
      </ul>
    );
  if (event.state === "failed") return <>{known("error", event.error) ?? event.error}</>;
  return <>{[event.availability_zone, event.instance_type, event.lifecycle && kind(event.lifecycle)].filter(Boolean).join(" · ")}</>;
}

export function SessionEvents({ session }: { session: Session }) {
  const begin = time(session.created_at) ?? 0;
  return (
    <details class="why events">
      <summary>{t("events.title")}</summary>
      <div class="table" tabIndex={0} role="group" aria-label={t("events.title")}>
        <table>
          <thead>
            <tr>
              {(["when", "what", "where"] as const).map((name) => (
                <th key={name} scope="col">
                  {t(`events.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {session.events.map((event, i) => {
              const at = time(event.at) ?? begin;
              return (
                <tr key={i}>
                  <td>
                    <time dateTime={event.at} title={day(at, language.value)}>
                      {i === 0 ? clock(at, language.value) : `+${duration((at - begin) / 1000)}`}
                    </time>
                  </td>
                  <th scope="row">
                    {what(event)}
                    {event.attempt > 0 && <span class="hint"> #{event.attempt + 1}</span>}
                  </th>
                  <td>
                    <Where event={event} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}
