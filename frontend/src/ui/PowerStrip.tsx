/** The page's main promise, always in sight: is a GPU on, what has it cost, how do I switch it off. */
import { useSignal } from "@preact/signals";
import type { QuoteActions } from "../actions/quotes";
import type { SessionActions } from "../actions/sessions";
import { known, language, t } from "../i18n";
import { etaOf, roughly } from "../logic/eta";
import { about, clock, duration, span, usd } from "../logic/format";
import { cost, USUAL } from "../logic/prices";
import { total } from "../logic/receipts";
import { runningSeconds } from "../logic/sessions";
import { ending, endingWork, gpu, gpuOpen, heardAt, lastKnown, live, now, sessions, sessionsKnown, starting, usage } from "../state";
import { GpuToggle } from "./Drawers";
import { later } from "./Later";
import type { Session } from "../types";

const QuoteCard = later(() => import("./QuoteCard"));
const IdleWhy = later(() => import("./IdleWhy"), true);
const InWork = later(() => import("./InWork")); // where it cannot be had that is said: nobody is kept from switching off

function headline(session: Session | undefined): string {
  if (!sessionsKnown.value && !session) return t(lastKnown.value ? "gpu.unreachable" : "gpu.unknown");
  if (gpu.value === "off" || !session) return t("gpu.off");
  if (gpu.value === "leaving") return t("gpu.leaving");
  if (gpu.value === "coming") return t("gpu.coming");
  return session.status === "serving" ? t("gpu.on.serving") : t("gpu.on.booting");
}

function note(session: Session | undefined): string {
  if (!sessionsKnown.value && !session) return "";
  if (!session) {
    const { error, receipt } = sessions.value[0] ?? {};
    const said = [t("gpu.off.note")];
    if (error) said.push(known("error", error.code) ?? error.message);
    if (receipt) said.push(t("gpu.off.last", { usd: total(receipt) }));
    return said.join(" ");
  }
  if (gpu.value === "coming") return t("gpu.coming.note");
  if (gpu.value === "leaving") return t("gpu.leaving.note");
  const idle = session.idle_seconds ?? session.idle?.seconds;
  return idle ? t("gpu.idle", { time: span(idle) }) : t("gpu.idle.some");
}

/** In sight on a phone too, where the panel with the rest of it is closed. */
function Ready({ session }: { session: Session }) {
  const eta = etaOf(session, now.value);
  if (!eta) return null;
  return <p class="eta">{eta.remaining > 0 ? t("gpu.eta", { time: roughly(eta.remaining) }) : t("gpu.eta.late")}</p>;
}

/** The month against its cap, and the notice that a cap is nearly or wholly used up. */
function Caps({ session }: { session: Session | undefined }) {
  const month = usage.value;
  const notice = session?.spend?.notice;
  // As it was when a session last began or ended: a sum that ticks would be read out again and again.
  const of = { usd: about(month?.total_usd ?? 0, language.value), cap: about(month?.caps.monthly_usd ?? 0, language.value) };
  // What is reserved holds what runs has cost already, which the first figure counts.
  const unspent = Math.max(0, (month?.reserved_usd ?? 0) - (month?.live_usd ?? 0));
  return (
    <>
      {notice ? (
        <p class="trouble" role="alert">
          {t(notice >= 100 ? "gpu.cap.reached" : "gpu.cap.near", { percent: notice })}
        </p>
      ) : null}
      <p class="hint">
        {month && t("gpu.month", of)}
        {unspent > 0 && ` ${t("gpu.month.reserved", { usd: about(unspent, language.value) })}`}
      </p>
    </>
  );
}

const MINUTES = [10, 20, 60, 180];

/** Asked for when somebody wants to know: most people who come know what it costs. */
function BeforeStart({ onDemand, quotes }: { onDemand: boolean; quotes: QuoteActions }) {
  const open = useSignal(false);
  const minutes = useSignal(20);
  return (
    <details class="why" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>{t("quote.session")}</summary>
      {open.value && (
        <>
          <label class="hint">
            {t("quote.minutes")}{" "}
            <select value={minutes.value} onChange={(event) => (minutes.value = Number(event.currentTarget.value))}>
              {MINUTES.map((n) => (
                <option key={n} value={n}>
                  {n} min
                </option>
              ))}
            </select>
          </label>
          <QuoteCard wish={{ kind: "session", minutes: minutes.value, allow_on_demand: onDemand }} actions={quotes} />
        </>
      )}
    </details>
  );
}

function Start({ actions, quotes }: { actions: SessionActions; quotes: QuoteActions }) {
  const onDemand = useSignal(false);
  return (
    <div class="strip-action">
      <button
        type="button"
        class="primary"
        disabled={starting.value || !sessionsKnown.value}
        aria-describedby="start-hint"
        onClick={() => void actions.start(onDemand.value)}
      >
        {starting.value ? t("gpu.starting") : t("gpu.start")}
      </button>
      <label class="hint check">
        <input type="checkbox" checked={onDemand} onChange={(e) => (onDemand.value = e.currentTarget.checked)} />{" "}
        {t("gpu.ondemand", { usd: about(USUAL.onDemand, language.value) })}
      </label>
      <BeforeStart onDemand={onDemand.value} quotes={quotes} />
    </div>
  );
}

function Meter({ session }: { session: Session }) {
  const { usd: sum, exact } = cost(session, now.value);
  return (
    <dl class="meter">
      <div>
        <dt>{t("gpu.running")}</dt>
        <dd>{duration(runningSeconds(session, now.value))}</dd>
      </div>
      <div>
        <dt>{t(exact ? "gpu.cost.exact" : "gpu.cost.sofar")}</dt>
        <dd>{usd(sum, language.value)}</dd>
      </div>
    </dl>
  );
}

export function PowerStrip({ actions, quotes }: { actions: SessionActions; quotes: QuoteActions }) {
  const session = live.value;
  return (
    <section class={`strip strip-${gpu.value}${lastKnown.value ? " strip-stale" : ""}${gpuOpen.value ? " strip-open" : ""}`} aria-label={t("gpu.region")} data-home="gpu">
      <span class="lamp" aria-hidden="true" />
      <div class="strip-text">
        <h1 id="gpu" tabIndex={-1}>
          {headline(session)}
        </h1>
        {lastKnown.value && <p class="trouble">{t("gpu.asof", { time: clock(heardAt.value, language.value) })}</p>}
        {session && <Ready session={session} />}
        <p>{note(session)}</p>
        {gpu.value === "on" && session?.idle && <IdleWhy idle={session.idle} />}
        <Caps session={session} />
        {!session && (
          <p id="start-hint" class="hint">
            {t("gpu.start.hint", { spot: about(USUAL.spot, language.value) })}
          </p>
        )}
      </div>
      {session && session.launched_at && <Meter session={session} />}
      {session ? (
        <div class="strip-action">
          <button
            type="button"
            class="stop"
            disabled={ending.value || gpu.value === "leaving"}
            onClick={() => void actions.askToEnd(session.id)}
          >
            {ending.value || gpu.value === "leaving" ? t("gpu.ending") : t("gpu.end")}
          </button>
          {endingWork.value && gpu.value !== "leaving" && (
            <InWork work={endingWork.value} end={() => void actions.end(session.id)} />
          )}
        </div>
      ) : (
        <Start actions={actions} quotes={quotes} />
      )}
      <GpuToggle />
    </section>
  );
}
