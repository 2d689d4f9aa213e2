/** Where an answer came from and, for who asks, why: a small label, and the arithmetic behind it. */
import { known, language, t } from "../i18n";
import { number } from "../logic/format";
import type { Choice, Message } from "../types";

/** A figure of the choice, as people read it; null where it says nothing. */
function figure(name: string, value: number | string | boolean | null): string | null {
  if (value === null || typeof value === "boolean" || value === "") return null;
  if (typeof value === "string") return value;
  if (name.endsWith("usd") || name.includes("usd_per")) return `US$ ${number(value, language.value, 6)}`;
  return name.endsWith("seconds") ? `${number(value, language.value, 1)} s` : number(value, language.value, 1);
}

function Why({ choice }: { choice: Choice }) {
  const figures = Object.entries(choice.numbers ?? {}).flatMap(([name, value]) => {
    const said = figure(name, value);
    return said === null ? [] : [[name, said] as const];
  });
  return (
    <details class="why">
      <summary>{t("chat.why")}</summary>
      <p>{known("choice", choice.reason) ?? choice.text}</p>
      {figures.length > 0 && (
        <dl class="facts">
          {figures.map(([name, said]) => (
            <div key={name}>
              <dt>{known("choice.number", name) ?? name.replaceAll("_", " ")}</dt>
              <dd>{said}</dd>
            </div>
          ))}
        </dl>
      )}
    </details>
  );
}

export function Provenance({ message }: { message: Message }) {
  const { choice } = message;
  return (
    <>
      {message.moved_from && <p class="state">{t(`chat.moved.${message.moved_from}`)}</p>}
      {message.backend === "bedrock" && <p class="state">{t("chat.bedrock")}</p>}
      {choice && <Why choice={choice} />}
    </>
  );
}
