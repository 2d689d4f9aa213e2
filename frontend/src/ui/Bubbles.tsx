import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { whyFailed } from "../actions/chatState";
import type { ChatActions } from "../actions/chats";
import type { Api } from "../api";
import { besideAnswer } from "../beside";
import { known, t } from "../i18n";
import { tongueOf } from "../logic/tongue";
import { isFinalMessage, mustBeRewritten } from "../logic/chat";
import type { Unsent } from "../logic/outbox";
import { gpu, live, stopping, toy } from "../state";
import type { BackendChoice, Message } from "../types";
import { Copy } from "./Code";
import { Provenance } from "./Provenance";
import { TraceView } from "./Trace";
import { Cited, Words } from "./Words";

function statusText(message: Message): string {
  if (message.status === "queued" && message.choice?.backend !== "bedrock") {
    if (live.value?.end_requested) return t("chat.status.queued.leaving");
    if (gpu.value !== "off" && gpu.value !== "leaving" && live.value?.status !== "serving") return t("chat.status.queued.boot");
  }
  return known("chat.status", message.status) ?? message.status;
}

interface AnswerProps {
  message: Message;
  api: Api;
  /** What it says: by itself, since it grows. */
  words: ComponentChildren;
  /** To what is read. Far from it, an answer stands there as it was written. */
  near?: boolean;
  /** Sends the question of a failed answer anew; undefined: not now. */
  askAgain?: (() => void) | undefined;
  /** Puts it into the composer. */
  rewrite?: (() => void) | undefined;
  /** Another answer to the same question, from that backend or from whichever is right; undefined: not now. */
  regenerate?: ((backend?: BackendChoice) => void) | undefined;
  /** Ends an answer in work: the text so far stays. */
  stop?: (() => void) | undefined;
}

export function Answer({ message, api, words, near = true, askAgain, rewrite, regenerate, stop }: AnswerProps) {
  const again = mustBeRewritten(message) ? rewrite : askAgain;
  const final = isFinalMessage(message);
  const text = final ? message.content : "";
  const tongue = useMemo(() => (final ? tongueOf(text) : undefined), [final, text]);
  const Beside = besideAnswer.value;
  const other = message.backend === "bedrock" ? "gpu" : "bedrock";
  const article = (
    <article
      id={`said-${message.id}`}
      tabIndex={-1}
      class={`bubble answer answer-${message.status}`}
      aria-label={toy.value ?? t("chat.model")}
      aria-busy={!final}
      data-status={message.status}
    >
      <div class="spoken-as" lang={tongue}>
        <Cited.Provider value={message.sources?.found ?? null}>{words}</Cited.Provider>
      </div>
      {message.status === "failed" ? (
        <>
          <p class="trouble">{whyFailed(message)}</p>
          <div>
            <button type="button" aria-disabled={!again} onClick={() => again?.()}>
              {t(mustBeRewritten(message) ? "chat.rewrite" : "chat.again")}
            </button>
          </div>
          <TraceView trace={{ id: message.id, code: message.error?.code }} />
        </>
      ) : (
        !final && (
          <p class="state">
            <span class="dots" aria-hidden="true" />
            {statusText(message)}
            {stop && (
              <button type="button" class="quiet" disabled={stopping.value.has(message.id)} onClick={stop}>
                {t("chat.stop")}
              </button>
            )}
          </p>
        )
      )}
      {near && final && <Provenance message={message} api={api} />}
      {near && (message.trimmed_messages ?? 0) > 0 && <p class="state">{t("chat.trimmed", { n: message.trimmed_messages! })}</p>}
      {near && message.finish_reason === "length" && <p class="state">{t("chat.cut")}</p>}
      {near && message.finish_reason === "stopped" && <p class="state">{t("chat.stopped")}</p>}
    </article>
  );
  return (
    <div class={near ? "said" : "said written"}>
      {article}
      {near && final && (
        <div class="tools">
          {text && <Copy text={text} />}
          {text && Beside && <Beside message={message} />}
          {regenerate && message.status === "answered" && (
            <>
              <button type="button" class="quiet copy when-idle" onClick={() => regenerate()}>
                {t("chat.anew")}
              </button>
              <button type="button" class="quiet copy when-idle" onClick={() => regenerate(other)}>
                {t(`chat.anew.${other}`)}
              </button>
            </>
          )}
        </div>
      )}
    </div>
  );
}

export function UnsentQuestion({ item, actions }: { item: Unsent; actions: ChatActions }) {
  return (
    <article class={`bubble question unsent unsent-${item.state}`} aria-label={t("chat.you")}>
      <Words text={item.content} />
      {item.state === "failed" ? (
        <div role="alert">
          <p class="trouble">
            <strong>{t("chat.unsent")}.</strong> {item.error}
          </p>
          {item.trace && <TraceView trace={item.trace} />}
          {!item.refused && (
            <button type="button" onClick={() => void actions.resend(item)}>
              {t("chat.retry")}
            </button>
          )}
          <button type="button" class={item.refused ? "" : "quiet"} onClick={() => actions.edit(item)}>
            {t("chat.edit")}
          </button>
        </div>
      ) : (
        <>
          <p class="state">{t(`chat.status.${item.state}`)}</p>
          {item.state === "waiting" && (
            <button type="button" class="quiet" onClick={() => actions.edit(item)}>
              {t("chat.edit")}
            </button>
          )}
        </>
      )}
    </article>
  );
}
