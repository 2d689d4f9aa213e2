/** What something would cost and how long it would take, on each backend, before it is begun. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { QuoteActions } from "../actions/quotes";
import { known, language, t } from "../i18n";
import { number, span, usd } from "../logic/format";
import type { BackendQuote, Quote, QuoteWish, Range } from "../types";
import { Assumptions } from "./Assumptions";

function Between({ of, say }: { of: Range | null; say: (value: number) => string }) {
  if (!of) return <>–</>;
  const [low, expected, high] = [of.low, of.expected, of.high].map(say);
  return (
    <>
      {expected} {low !== high && <span class="hint">{t("quote.range", { low: low!, high: high! })}</span>}
    </>
  );
}

const money = (value: number) => usd(value, language.value);
const time = (value: number) => span(value > 90 ? Math.round(value / 60) * 60 : Math.max(1, Math.round(value)));

/** Two digits: what is reckoned from guesses is no more exact. */
const roundly = (value: number) => Number(value.toPrecision(2));

function Row({ one, isChosen, heads }: { one: BackendQuote; isChosen: boolean; heads: readonly string[] }) {
  return (
    <tr class={isChosen ? "chosen-backend" : ""}>
      <th scope="row">
        {t(`usage.backend.${one.backend}`)}
        {isChosen && <span class="tag">{t("quote.auto")}</span>}
      </th>
      {one.why_not ? (
        <td colSpan={3}>{one.why_not}</td>
      ) : (
        <>
          <td data-name={heads[0]}>
            <Between of={one.usd} say={money} />
          </td>
          <td data-name={heads[1]}>
            <Between of={one.first_word_seconds} say={time} />
          </td>
          <td data-name={heads[2]}>
            <Between of={one.seconds} say={time} />
          </td>
        </>
      )}
    </tr>
  );
}

function Shown({ quote }: { quote: Quote }) {
  const isSession = quote.kind === "session";
  const rows = isSession ? quote.backends.filter((one) => one.backend === "gpu") : quote.backends;
  const price = quote.assumptions.find((one) => one.name === "bedrock_usd_per_million_completion_tokens")?.expected;
  const session = rows.find((one) => one.backend === "gpu")?.usd?.expected;
  const heads = [t("chat.why.cost"), t(isSession ? "quote.ready" : "quote.first"), t(isSession ? "quote.life" : "quote.done")];
  return (
    <>
      <div class="table" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td />
              {heads.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((one) => (
              <Row key={one.backend} one={one} heads={heads} isChosen={!isSession && quote.auto.backend === one.backend} />
            ))}
            {isSession && price && session !== undefined ? (
              <tr>
                <th scope="row">{t("usage.backend.bedrock")}</th>
                <td colSpan={3}>{t("quote.bedrock.session", { tokens: number(roundly((session / price) * 1e6), language.value) })}</td>
              </tr>
            ) : null}
          </tbody>
        </table>
      </div>
      {quote.auto.backend === null && <p class="trouble">{known("choice", quote.auto.reason) ?? quote.auto.text}</p>}
      <Assumptions of={quote.assumptions} />
    </>
  );
}

export function QuoteCard({ wish, actions }: { wish: QuoteWish; actions: QuoteActions }) {
  const found = useSignal<Quote | null | undefined>(undefined); // null: nobody could say
  const asked = JSON.stringify(wish);
  useEffect(() => {
    let isNewest = true;
    void actions.quote(wish).then((quote) => {
      if (isNewest) found.value = quote;
    });
    return () => {
      isNewest = false;
    };
  }, [asked]);
  const quote = found.value;
  return (
    <div class="quote" role="group" aria-label={t("quote.title")} aria-busy={quote === undefined}>
      {quote ? <Shown quote={quote} /> : <p class="hint">{t(quote === null ? "quote.none" : "app.loading")}</p>}
    </div>
  );
}

export default QuoteCard;
