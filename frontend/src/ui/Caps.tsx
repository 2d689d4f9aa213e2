/** What is being spent, and how near the caps are: of this session and of the month, on the server's clock. */
import { language, t, type Key } from "../i18n";
import { about, percent, usd } from "../logic/format";
import { cost } from "../logic/prices";
import { isFinal } from "../logic/sessions";
import { now, usage } from "../state";
import type { Session } from "../types";

function Cap({ words, spent, cap }: { words: Key; spent: number; cap: number }) {
  const said = t(words, {
    usd: usd(spent, language.value),
    cap: about(cap, language.value),
    share: percent(spent / cap, language.value),
  });
  return (
    <li>
      <span>{said}</span>
      <meter aria-label={said} min={0} max={cap} high={cap * 0.8} optimum={0} value={Math.min(spent, cap)} />
    </li>
  );
}

export function Caps({ session }: { session: Session }) {
  const month = usage.value;
  const spend = session.spend;
  const ours = cost(session, now.value).usd;
  // What the month was at when it was asked, with what this session has cost since: that was a part of it.
  const total = month && (isFinal(session) ? month.total_usd : month.spent_usd + Math.max(ours, month.live_usd));
  const cap = spend?.session_cap_usd ?? month?.caps.session_usd;
  if (isFinal(session) || (!cap && !month)) return null;
  return (
    <section class="caps" aria-labelledby="caps">
      <h3 id="caps">{t("caps.title")}</h3>
      <ul>
        {cap ? <Cap words={month && cap < month.caps.session_usd ? "caps.session.month" : "caps.session"} spent={ours} cap={cap} /> : null}
        {month && total !== null ? <Cap words="caps.month" spent={total} cap={month.caps.monthly_usd} /> : null}
      </ul>
    </section>
  );
}
