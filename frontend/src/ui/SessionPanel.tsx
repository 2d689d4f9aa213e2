/** The latest session's life: its states as they happen, then its receipt; and what the sessions before it cost. */
import { useEffect } from "preact/hooks";
import type { SessionActions } from "../actions/sessions";
import { watchNews } from "../actions/tell";
import { known, language, t } from "../i18n";
import { day, number, usd, usdOfAll } from "../logic/format";
import { total } from "../logic/receipts";
import { isFinal, time } from "../logic/sessions";
import { latest, sessions, sessionsKnown } from "../state";
import type { Session } from "../types";
import "../session.css";
import { Caps } from "./Caps";
import { Meanwhile, TellAnswers } from "./Meanwhile";
import { PoolOrder } from "./PoolOrder";
import { ReceiptCard } from "./ReceiptCard";
import { SessionEvents, SessionGraph } from "./SessionGraph";

const SHOWN = 8;

function ended(session: Session): string {
  return known("session.outcome", session.outcome) ?? "";
}

function Current({ session, actions }: { session: Session; actions: SessionActions }) {
  const { instance, error, usage } = session;
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
      {session.crowd && (
        <p class="hint">
          {t("session.crowd", {
            waiting: number(session.crowd.numbers.waiting, language.value),
            seconds: number(session.crowd.numbers.wait_seconds, language.value),
            usd: usd(session.crowd.numbers.usd, language.value),
            hours: number(session.crowd.numbers.saved_hours, language.value, 1),
          })}
        </p>
      )}
      {session.pools?.learned && <PoolOrder {...session.pools.numbers} />}
      <Meanwhile session={session} actions={actions} />
      {session.receipt && <ReceiptCard receipt={session.receipt} />}
      <SessionGraph session={session} />
      <SessionEvents session={session} />
      {!isFinal(session) && session.launched_at && <Caps session={session} />}
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
  const sum = usdOfAll(before.map((session) => session.receipt?.total_usd ?? 0), language.value);
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
      <p class="sum">{t("session.history.total", { usd: sum })}</p>
    </section>
  );
}

export function SessionPanel({ actions }: { actions: SessionActions }) {
  const session = latest.value;
  useEffect(watchNews, []);
  return (
    <aside class="panel" id="panel" tabIndex={-1} data-home="panel" aria-labelledby="session-panel">
      <h2 id="session-panel">{t("session.panel")}</h2>
      {session ? <Current session={session} actions={actions} /> : <p>{t(sessionsKnown.value ? "session.none" : "session.unknown")}</p>}
      <TellAnswers />
      <History before={sessions.value.filter((s) => s !== session).slice(0, SHOWN)} />
    </aside>
  );
}

export default SessionPanel;
