import type { ChatActions } from "../actions/chats";
import { known, t } from "../i18n";
import { isFinalMessage, mustBeRewritten } from "../logic/chat";
import type { Unsent } from "../logic/outbox";
import { gpu, live, stopping } from "../state";
import type { BackendChoice, Message } from "../types";
import { Copy } from "./Code";
import { Provenance } from "./Provenance";
import { Words } from "./Words";

function statusText(message: Message): string {
  const booting = gpu.value !== "off" && live.value?.status !== "serving";
  if (message.status === "queued" && booting) return t("chat.status.queued.boot");
  return known("chat.status", message.status) ?? message.status;
}

interface AnswerProps {
  message: Message;
  text: string;
  /** Sends the question of a failed answer anew; undefined: not now. */
  askAgain?: (() => void) | undefined;
  /** Puts it into the composer. */
  rewrite?: (() => void) | undefined;
  /** Another answer to the same question, from that backend or from whichever is right; undefined: not now. */
  regenerate?: ((backend?: BackendChoice) => void) | undefined;
  /** Ends an answer in work: the text so far stays. */
  stop?: (() => void) | undefined;
}

export function Answer({ message, text, askAgain, rewrite, regenerate, stop }: AnswerProps) {
  const again = mustBeRewritten(message) ? rewrite : askAgain;
  const final = isFinalMessage(message);
  const other = message.backend === "bedrock" ? "gpu" : "bedrock";
  const article = (
    <article
      class={`bubble answer answer-${message.status}`}
      aria-label={t("chat.model")}
      aria-busy={!final}
      data-status={message.status}
    >
      <Words text={text} done={final} />
      {message.status === "failed" ? (
        <>
          <p class="trouble" role="alert">
            {known("error", message.error?.code) ?? message.error?.message ?? t("chat.status.failed")}
          </p>
          <div>
            <button type="button" aria-disabled={!again} onClick={() => again?.()}>
              {t(mustBeRewritten(message) ? "chat.rewrite" : "chat.again")}
            </button>
          </div>
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
      {final && <Provenance message={message} />}
      {(message.trimmed_messages ?? 0) > 0 && <p class="state">{t("chat.trimmed", { n: message.trimmed_messages! })}</p>}
      {message.finish_reason === "length" && <p class="state">{t("chat.cut")}</p>}
      {message.finish_reason === "stopped" && <p class="state">{t("chat.stopped")}</p>}
    </article>
  );
  return (
    <div class="said">
      {article}
      {final && (
        <div class="tools">
          {text && <Copy text={text} />}
          {regenerate && message.status === "answered" && (
            <>
              <button type="button" class="quiet copy" onClick={() => regenerate()}>
                {t("chat.anew")}
              </button>
              <button type="button" class="quiet copy" onClick={() => regenerate(other)}>
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
            <strong>{t("chat.unsent")}.</strong> {item.error || t("chat.interrupted")}
          </p>
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
