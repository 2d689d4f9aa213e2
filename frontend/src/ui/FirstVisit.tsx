/** For who has no conversation yet: three questions to try, what that costs, and whether a GPU is on. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { setDraft } from "../actions/chatState";
import type { QuoteActions } from "../actions/quotes";
import { language, t } from "../i18n";
import { about, usd } from "../logic/format";
import { draftKey, gpu, live, models, sessionsKnown } from "../state";
import type { Quote } from "../types";
import "../settings.css";

const QUESTIONS = ["explain", "write", "code"] as const;
const QUESTION_TOKENS = 60; // of such a question, with the system prompt
const HOUR_MINUTES = 60;

const costs = (quote: Quote | null, backend: "gpu" | "bedrock") => {
  const expected = quote?.backends.find((one) => one.backend === backend && !one.why_not)?.usd?.expected;
  if (expected === undefined) return null;
  return expected < 0.01 ? usd(Number(expected.toPrecision(2)), language.value) : about(expected, language.value);
};

/** One that still loads its model answers nothing yet. */
function whether(): "on" | "off" | "moving" {
  if (gpu.value === "off") return "off";
  return gpu.value === "on" && live.value?.status === "serving" ? "on" : "moving";
}

/** What the API reckons; nothing while it has not said. */
function Costs({ quotes }: { quotes: QuoteActions }) {
  const [chat, hour] = [useSignal<Quote | null>(null), useSignal<Quote | null>(null)];
  useEffect(() => {
    void quotes.quote({ kind: "chat", prompt_tokens: QUESTION_TOKENS }).then((found) => (chat.value = found));
    void quotes.quote({ kind: "session", minutes: HOUR_MINUTES, allow_on_demand: false }).then((found) => (hour.value = found));
  }, []);
  const hasBedrock = models.value.some((name) => name.endsWith("@bedrock"));
  const answer = hasBedrock ? costs(chat.value, "bedrock") : null;
  const session = costs(hour.value, "gpu");
  return (
    <>
      {answer && <p>{t("first.cost.bedrock", { usd: answer })}</p>}
      {session && <p>{t("first.cost.gpu", { usd: session })}</p>}
    </>
  );
}

export default function FirstVisit({ quotes }: { quotes: QuoteActions }) {
  return (
    <section class="first" aria-labelledby="first">
      <h3 id="first">{t("first.title")}</h3>
      <ul>
        {QUESTIONS.map((one) => (
          <li key={one}>
            <button
              type="button"
              class="wide"
              onClick={() => {
                setDraft(draftKey.value, t(`first.${one}`));
                document.getElementById("message")?.focus();
              }}
            >
              {t(`first.${one}`)}
            </button>
          </li>
        ))}
      </ul>
      <div class="hint">
        {sessionsKnown.value && <p>{t(`first.gpu.${whether()}`)}</p>}
        <Costs quotes={quotes} />
      </div>
    </section>
  );
}
