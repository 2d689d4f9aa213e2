/** The latest session's life: its steps as they happen, then its receipt; and what the sessions before it cost. */
import { known, language, t } from "../i18n";
import { clock, day, duration, number, span, usd } from "../logic/format";
import { bootProgress, isFinal, steps, time, type BootProgress } from "../logic/sessions";
import { latest, now, sessions, sessionsKnown } from "../state";
import type { Session } from "../types";
import { ReceiptCard, total } from "./ReceiptCard";

const SHOWN = 8;

function eta(boot: BootProgress): string {
  if (boot.expected === null) return t("session.eta.unknown", { time: duration(boot.elapsed) });
  if (boot.late) return t("session.eta.late", { time: duration(boot.elapsed) });
  return t("session.eta", { time: span(boot.remaining ?? 0) });
}

function Boot({ session }: { session: Session }) {
  const boot = bootProgress(session, now.value);
  if (!boot || session.end_requested) return null;
  return (
    <div class="boot">
      {boot.expected !== null ? (
        <progress aria-label={t("session.boot")} max={boot.expected} value={Math.min(boot.elapsed, boot.expected)} />
      ) : (
        <progress aria-label={t("session.boot")} />
      )}
      <p>{eta(boot)}</p>
    </div>
  );
}

function Steps({ session }: { session: Session }) {
  const begin = time(session.created_at) ?? 0;
  return (
    <ol class="steps" aria-label={t("session.steps")}>
      {steps(session).map((step) => (
        <li key={step.name} class={`step-${step.state}`} aria-current={step.state === "now" ? "step" : undefined}>
          <span class="step-name">{t(`session.step.${step.name}`)}</span>
          {step.at !== undefined && (
            <time dateTime={new Date(step.at).toISOString()} title={clock(step.at, language.value)}>
              {step.name === "requested" ? clock(step.at, language.value) : `+${duration((step.at - begin) / 1000)}`}
            </time>
          )}
        </li>
      ))}
    </ol>
  );
}

function ended(session: Session): string {
  return known("session.outcome", session.outcome) ?? "";
}

function Current({ session }: { session: Session }) {
  const { instance, error, attempt, usage } = session;
  return (
    <>
      <p class="status-line">
        <span>{t("session.status")}</span>{" "}
        <strong class={`badge badge-${session.status}`}>{known("session.status", session.status) ?? session.status}</strong>
      </p>
      {error && (
        <p class="trouble" role="alert">
          {known("error", error.code) ?? (error.message || error.code)}
        </p>
      )}
      {error?.message && known("error", error.code) && <p class="hint">{error.message.split("\n")[0]}</p>}
      {isFinal(session) && !error && ended(session) && <p>{ended(session)}</p>}
      {!isFinal(session) && (attempt ?? 0) > 0 && <p class="trouble">{t("session.attempt", { n: (attempt ?? 0) + 1 })}</p>}
      <Boot session={session} />
      {session.receipt && <ReceiptCard receipt={session.receipt} />}
      <Steps session={session} />
      {instance && !session.receipt && (
        <p class="machine">
          {t("session.machine")}: {instance.type ?? instance.id}
          {instance.lifecycle && ` · ${t(`session.${instance.lifecycle}`)}`}
          {instance.availability_zone && ` · ${instance.availability_zone}`}
        </p>
      )}
      {usage && !session.receipt && usage.messages > 0 && (
        <p class="machine">
          {t("session.usage", {
            messages: number(usage.messages, language.value),
            tokens: number(usage.prompt_tokens + usage.completion_tokens, language.value),
          })}
        </p>
      )}
    </>
  );
}

function History({ before }: { before: readonly Session[] }) {
  if (before.length === 0) return null;
  const sum = before.reduce((all, session) => all + (session.receipt?.total_usd ?? 0), 0);
  return (
    <section class="history" aria-labelledby="history">
      <h3 id="history">{t("session.history")}</h3>
      <ul>
        {before.map((session) => (
          <li key={session.id}>
            <time dateTime={session.created_at}>{day(time(session.created_at) ?? 0, language.value)}</time>
            <span>{known("session.status", session.status) ?? session.status}</span>
            <span class="sum">
              {session.receipt
                ? total(session.receipt)
                : session.launched_at
                  ? t("session.saving")
                  : t("session.nocost")}
            </span>
          </li>
        ))}
      </ul>
      <p class="sum">{t("session.history.total", { usd: usd(sum, language.value) })}</p>
    </section>
  );
}

export function SessionPanel() {
  const session = latest.value;
  return (
    <aside class="panel" id="panel" tabIndex={-1} aria-labelledby="session-panel">
      <h2 id="session-panel">{t("session.panel")}</h2>
      {session ? <Current session={session} /> : <p>{t(sessionsKnown.value ? "session.none" : "session.unknown")}</p>}
      <History before={sessions.value.filter((s) => s !== session).slice(0, SHOWN)} />
    </aside>
  );
}
