/** Where an answer came from and, for who asks, why: a small label, and the arithmetic behind it. */
import type { Api } from "../api";
import { known, language, t } from "../i18n";
import { number, smallUsd, usd } from "../logic/format";
import type { Choice, Message } from "../types";
import { later } from "./Later";
import { Remembered } from "./memory";

const Sources = later(() => import("./Sources"), true);

type Figure = number | string | boolean | null | undefined;
const BACKENDS = ["bedrock", "gpu"] as const;

const money = (value: Figure) => (typeof value === "number" ? usd(value, language.value) : "–");
const seconds = (value: Figure) => (typeof value === "number" ? `${number(value, language.value, 1)} s` : "–");

/** What it would have cost and how long it would have taken, on each side. */
function Sums({ figures }: { figures: Readonly<Record<string, Figure>> }) {
  const there = BACKENDS.filter((name) => typeof figures[`${name}_usd`] === "number");
  if (there.length === 0) return null;
  return (
    <table>
      <thead>
        <tr>
          <td />
          {(["cost", "first", "whole"] as const).map((name) => (
            <th key={name} scope="col">
              {t(`chat.why.${name}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {there.map((name) => (
          <tr key={name}>
            <th scope="row">{t(`usage.backend.${name}`)}</th>
            <td>{money(figures[`${name}_usd`])}</td>
            <td>{seconds(figures[`${name}_first_word_seconds`])}</td>
            <td>{seconds(figures[`${name}_seconds`])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Why({ message, choice }: { message: Message; choice: Choice }) {
  const cost = message.cost_usd;
  // Who took an answer over sees too: which one that was, its own line says.
  const seenBy = message.moved_from ? null : choice.numbers?.["images_seen_by"];
  return (
    <details class="why">
      <summary>{t("chat.why")}</summary>
      {cost && <p>{t("chat.why.paid", { usd: smallUsd(cost, language.value) })}</p>}
      <p>{known("choice", choice.reason) ?? choice.text}</p>
      {choice.numbers?.["images_read_by"] && <p>{t("choice.images_read")}</p>}
      {seenBy && <p>{t("choice.images_seen", { model: String(seenBy) })}</p>}
      <Sums figures={choice.numbers ?? {}} />
    </details>
  );
}

export function Provenance({ message, api }: { message: Message; api: Api }) {
  const { choice } = message;
  return (
    <>
      {message.sources && <Sources sources={message.sources} api={api} />}
      {message.moved_from && <p class="state">{t(`chat.moved.${message.moved_from}`)}</p>}
      {message.backend === "bedrock" && <p class="state">{t("chat.bedrock")}</p>}
      {message.imported_from && <p class="state">{t(`chat.imported.${message.imported_from}`)}</p>}
      {message.memories && <Remembered message={message} />}
      {choice && <Why message={message} choice={choice} />}
    </>
  );
}
