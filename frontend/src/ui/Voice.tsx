/** Beside the composer: somebody speaks and it is written down; and answers are read aloud, or are not. */
import { useEffect, useRef } from "preact/hooks";
import { aloudActions, type AloudActions } from "../actions/aloud";
import type { ChatActions } from "../actions/chats";
import { listeningActions, type ListeningActions } from "../actions/listening";
import { preferenceActions, type PreferenceActions } from "../actions/preferences";
import type { Api } from "../api";
import { besideAnswer, besideComposer } from "../beside";
import { allWords, t } from "../i18n";
import { ticks } from "../logic/clock";
import { LONGEST_S } from "../logic/recording";
import { me } from "../personal";
import type { Message } from "../types";
import { keptSound, level, listening, readAloud, recorded, unheard, unread } from "../voice";
import { pressesButton } from "./enter";
import { Told } from "./Said";
import "../voice.css";

const HELD_MS = 400; // whoever lets go sooner has pressed, and presses again when they are done

const clockOf = (seconds: number) => `${Math.floor(seconds / 60)}:${`${Math.floor(seconds % 60)}`.padStart(2, "0")}`;

/** Held or pressed, by mouse, finger or key. `begin` and `end`: what is held or pressed for. */
function useHold(isOn: boolean, begin: () => void, end: () => void) {
  const down = useRef<{ at: number; began: boolean } | null>(null);
  const press = () => {
    if (down.current) return;
    down.current = { at: ticks(), began: !isOn };
    if (!isOn) begin();
  };
  const release = () => {
    const was = down.current;
    down.current = null;
    if (was && (!was.began || ticks() - was.at >= HELD_MS)) end();
  };
  return {
    onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId); // a finger that slips off it still holds it
      press();
    },
    onPointerUp: release,
    onPointerCancel: release,
    onKeyDown: (event: KeyboardEvent) => {
      if (!pressesButton(event)) return;
      event.preventDefault();
      if (!event.repeat) press();
    },
    onKeyUp: (event: KeyboardEvent) => pressesButton(event) && release(),
    onBlur: release,
    onContextMenu: (event: Event) => event.preventDefault(), // what a long press opens on a phone
    // A screen reader's click comes without a pointer and without a key.
    onClick: (event: MouseEvent) => {
      if (event.detail === 0 && !down.current) isOn ? end() : begin();
    },
  };
}

function Microphone({ actions, chats }: { actions: ListeningActions; chats: ChatActions }) {
  const now = listening.value;
  const begin = () => void actions.start(chats);
  const end = () => void actions.stop();
  const hold = useHold(now === "recording", begin, end);
  return (
    <button
      type="button"
      class="quiet sound"
      aria-label={t(now === "recording" ? "voice.stop" : "voice.speak")}
      aria-pressed={now === "recording"}
      aria-describedby="voice-how"
      title={t("voice.how")}
      disabled={now === "writing"}
      {...hold}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 15a4 4 0 0 0 4-4V6a4 4 0 0 0-8 0v5a4 4 0 0 0 4 4Zm7-4a7 7 0 0 1-14 0M12 18v4" />
      </svg>
    </button>
  );
}

function Recorded({ actions }: { actions: ListeningActions }) {
  const now = listening.value;
  return (
    <>
      {now === "asking" && <Told class="hint" text={t("voice.asking")} />}
      {now === "recording" && (
        <>
          <Told class="hint" text={t("voice.recording")} />
          <meter min={0} max={1} value={level.value} aria-label={t("voice.level")} />
          <span class="hint">{t("voice.time", { n: clockOf(recorded.value), most: clockOf(LONGEST_S) })}</span>
        </>
      )}
      {now === "writing" && <Told class="hint" text={t("voice.writing")} />}
      {unheard.value && (
        <p class="hint trouble" role="alert">
          {unheard.value}
        </p>
      )}
      {keptSound.value && (
        <button type="button" onClick={() => void actions.again()}>
          {t("voice.again")}
        </button>
      )}
      {(now === "recording" || now === "writing" || keptSound.value) && (
        <button type="button" class="quiet" onClick={actions.drop}>
          {t("voice.drop")}
        </button>
      )}
    </>
  );
}

function Aloud({ actions, preferences }: { actions: AloudActions; preferences: PreferenceActions }) {
  const isOn = me.value?.reads_aloud === true;
  return (
    <>
      <button
        type="button"
        class="quiet sound"
        aria-label={t("aloud.auto")}
        aria-pressed={isOn}
        title={t("aloud.auto")}
        onClick={() => {
          actions.allow();
          if (isOn) actions.stop();
          void preferences.change({ reads_aloud: !isOn });
        }}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 9v6h4l5 4V5L8 9Zm12-1a5 5 0 0 1 0 8m2-11a9 9 0 0 1 0 14" />
        </svg>
      </button>
      {readAloud.value && (
        <button type="button" onClick={actions.stop}>
          {t("aloud.stop")}
        </button>
      )}
      {unread.value && (
        <p class="hint trouble" role="alert">
          {unread.value}
        </p>
      )}
    </>
  );
}

/** Escape: nobody is read to any more, and what is being said is dropped. */
function useEscape(aloud: AloudActions, ears: ListeningActions): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
      if (!readAloud.value && listening.value !== "recording") return;
      event.preventDefault();
      event.stopPropagation();
      aloud.stop();
      if (listening.value === "recording") ears.drop();
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, []);
}

let parts: { ears: ListeningActions; aloud: AloudActions; preferences: PreferenceActions } | undefined;

/** Of the page: there is one microphone, and one voice. */
export function voiceParts(api: Api) {
  return (parts ??= { ears: listeningActions(api), aloud: aloudActions(api), preferences: preferenceActions(api) });
}

export function VoiceBeside({ actions: chats }: { actions: ChatActions }) {
  const { ears, aloud, preferences } = voiceParts(chats.api);
  useEscape(aloud, ears);
  return (
    <div class="voice" role="group" aria-label={t("voice.prefs")}>
      <span class="spoken" id="voice-how">
        {t("voice.how")}
      </span>
      <Microphone actions={ears} chats={chats} />
      <Recorded actions={ears} />
      <Aloud actions={aloud} preferences={preferences} />
    </div>
  );
}

/** In an answer's row of buttons. */
export function ReadAloud({ message, actions }: { message: Message; actions: AloudActions }) {
  const isRead = readAloud.value === message.id;
  return (
    <button type="button" class="quiet copy" onClick={() => (isRead ? actions.stop() : actions.read(message))}>
      {t(isRead ? "aloud.stop" : "aloud.read")}
    </button>
  );
}

/** When its words are here, too. */
export async function putVoice(api: Api): Promise<void> {
  await allWords();
  const { aloud } = voiceParts(api);
  besideComposer.value = VoiceBeside;
  besideAnswer.value = ({ message }) => <ReadAloud message={message} actions={aloud} />;
}
