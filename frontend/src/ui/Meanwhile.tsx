/** While a GPU boots: when it will be ready, as far as earlier boots tell, and what one can do until then. */
import { go } from "../actions/places";
import type { SessionActions } from "../actions/sessions";
import { awaited, isSilent, tellAnswers, tellsAnswers, tellWhenReady } from "../actions/tell";
import { wish } from "../actions/chatState";
import { t } from "../i18n";
import { etaOf, roughly, usually, type Eta } from "../logic/eta";
import { duration } from "../logic/format";
import { stateOf } from "../logic/graph";
import { time } from "../logic/sessions";
import { area, batchId, current, draftKey, ending, gpuOpen, models, now } from "../state";
import type { Session } from "../types";

const PATIENCE_MS = 5_000;

function expected(eta: Eta): string {
  const elapsed = duration(eta.elapsed);
  if (eta.boots.count === 1) return t("eta.one", { usual: roughly(eta.boots.expected), elapsed });
  const [low, high] = usually(eta.boots);
  return high === undefined ? t("eta.about", { usual: low, elapsed }) : t("eta.usual", { low, high, elapsed });
}

function Boot({ session }: { session: Session }) {
  const eta = etaOf(session, now.value);
  if (!eta) {
    const elapsed = (now.value - (time(session.created_at) ?? now.value)) / 1000;
    return (
      <div class="boot">
        <progress aria-label={t("session.boot")} />
        <p>{t("session.eta.unknown", { time: duration(elapsed) })}</p>
      </div>
    );
  }
  return (
    <div class="boot">
      <progress aria-label={t("session.boot")} max={eta.boots.high} value={Math.min(eta.elapsed, eta.boots.high)} />
      <p>
        {expected(eta)} {eta.late !== "no" && <strong>{t(`eta.late.${eta.late}`, { n: eta.boots.count })}</strong>}
      </p>
      {eta.boots.count > 1 && <p class="hint">{t("eta.learned", { n: eta.boots.count })}</p>}
    </div>
  );
}

/** Where the keyboard goes: at once, or when that part of the page has come. */
function focusOn(id: string): void {
  const come = () => {
    const place = document.getElementById(id);
    place?.focus();
    return place !== null;
  };
  requestAnimationFrame(() => {
    if (come()) return;
    const watch = new MutationObserver(() => {
      if (come()) watch.disconnect();
    });
    watch.observe(document.body, { subtree: true, childList: true });
    setTimeout(() => watch.disconnect(), PATIENCE_MS);
  });
}

/** The conversation that is open, or a new one, asks Bedrock from now on; the composer has the focus. */
function askBedrock(): void {
  gpuOpen.value = false;
  if (area.value !== "chats") go({ area: "chats", id: current.value });
  wish(draftKey.value, "bedrock");
  focusOn("message");
}

function sendBatch(): void {
  gpuOpen.value = false;
  batchId.value = null;
  go({ area: "batches", id: null });
  focusOn("batch");
}

export function TellAnswers() {
  return (
    <>
      <label class="hint check">
        <input type="checkbox" checked={tellsAnswers.value} onChange={(event) => void tellAnswers(event.currentTarget.checked)} /> {t("tell.answers")}
      </label>
      {isSilent.value && (
        <p class="hint">{t("tell.denied")}</p>
      )}
    </>
  );
}

export function Meanwhile({ session, actions }: { session: Session; actions: SessionActions }) {
  const waits = awaited.value === session.id;
  const hasBedrock = models.value.some((name) => name.endsWith("@bedrock"));
  if (!["requested", "launching", "booting"].includes(stateOf(session))) return null;
  return (
    <>
      <Boot session={session} />
      <div class="meanwhile" role="group" aria-label={t("meanwhile.title")}>
        {hasBedrock && (
          <button type="button" onClick={askBedrock}>
            {t("meanwhile.bedrock")}
          </button>
        )}
        <button type="button" aria-pressed={waits} disabled={waits} onClick={() => void tellWhenReady(session.id)}>
          {t(waits ? "tell.gpu.on" : "tell.gpu")}
        </button>
        <button type="button" onClick={sendBatch}>
          {t("meanwhile.batch")}
        </button>
        <button type="button" disabled={ending.value} onClick={() => void actions.askToEnd(session.id)}>
          {t("meanwhile.end")}
        </button>
      </div>
    </>
  );
}
