/**
 * What somebody says to the page is written down, and put into the composer or sent.
 *
 * It is in memory alone, in parts that the API takes, and gone from there as soon as it is written down. Where that
 * cannot be now, it is kept until somebody tries again or drops it.
 */
import { effect } from "@preact/signals";
import { ApiError, type Api } from "../api";
import { language, t, type Key } from "../i18n";
import { LONGEST_S, loudness, Recording, shownLevel } from "../logic/recording";
import { wavOf } from "../logic/wav";
import { me } from "../personal";
import { area, busy, draftKey, drafts, stage } from "../state";
import { keptSound, level, listening, recorded, unheard } from "../voice";
import { Microphone } from "../voice/microphone";
import { setDraft } from "./chatState";
import type { ChatActions } from "./chats";
import { explain, notify, say } from "./notices";

const GIVEN_UP_MS = 300_000; // API Gateway's five minutes of silence

/** Why a browser gives no microphone. */
const REFUSED: Readonly<Record<string, Key>> = {
  NotAllowedError: "voice.refused",
  SecurityError: "voice.refused",
  NotFoundError: "voice.missing",
  OverconstrainedError: "voice.missing",
  NotReadableError: "voice.taken",
};

/** What the server has said for good: another try would be told the same. */
const isFinal = (error: unknown) => error instanceof ApiError && [400, 404, 413].includes(error.status);

/** One recording, and where its words are to go. */
interface Said {
  draft: string;
  chats: ChatActions;
  recording: Recording;
  parts: Float32Array[];
  words: string[];
  microphone: Microphone | null;
  isOver: boolean; // nothing more is recorded
  isSending: boolean;
  abort: AbortController;
}

export function listeningActions(api: Pick<Api, "send">, open: typeof Microphone.open = (...all) => Microphone.open(...all)) {
  let said: Said | null = null;

  function told(text: string): void {
    unheard.value = text;
  }

  /** The microphone is let go, and nothing of it is kept. */
  function drop(): void {
    said?.microphone?.drop();
    said?.abort.abort();
    said = null;
    [listening.value, level.value, recorded.value, keptSound.value] = ["off", 0, 0, false];
  }

  async function write(part: Float32Array, abort: AbortController): Promise<string> {
    const form = new FormData();
    form.append("file", new Blob([wavOf(part)], { type: "audio/wav" }), "said.wav");
    form.append("model", "whisper-1");
    const spoken = me.value?.hears ?? language.value;
    if (spoken !== "either") form.append("language", spoken);
    const late = setTimeout(() => abort.abort(), GIVEN_UP_MS);
    try {
      const answer = await api.send("POST", "/audio/transcriptions", { body: form, signal: abort.signal });
      return ((await answer.json()) as { text: string }).text.trim();
    } finally {
      clearTimeout(late);
    }
  }

  /** Writes down what waits, in its order; part after part, so that long speech is half written when it ends. */
  async function pump(mine: Said): Promise<void> {
    if (mine.isSending) return;
    mine.isSending = true;
    try {
      while (said === mine && mine.parts.length > 0) {
        const words = await write(mine.parts[0]!, mine.abort);
        if (said !== mine) return;
        mine.parts.shift();
        if (words) mine.words.push(words);
      }
      if (said === mine && mine.isOver) end(mine);
    } catch (error) {
      if (said === mine) failed(mine, error);
    } finally {
      mine.isSending = false;
    }
  }

  /** What was understood so far is put where it belongs; the rest is kept, unless another try is of no use. */
  function failed(mine: Said, error: unknown): void {
    mine.microphone?.drop();
    if (!mine.isOver) addRest(mine);
    mine.isOver = true;
    put(mine, false);
    const why = mine.abort.signal.aborted ? t("voice.late") : explain(error);
    if (error instanceof ApiError && error.code === "voice_off" && me.value) {
      drop();
      me.value = { ...me.value, has_voice: false };
      return notify(why);
    }
    const keeps = !isFinal(error) && mine.parts.length > 0;
    if (!keeps) drop();
    else {
      mine.abort = new AbortController();
      [listening.value, keptSound.value] = ["off", true];
    }
    told(why);
  }

  function end(mine: Said): void {
    const silent = mine.words.length === 0;
    put(mine, true);
    drop();
    if (silent) told(t("voice.unclear"));
  }

  /** Into the composer, behind what stands there; or sent, where nothing does and nothing is on its way. */
  function put(mine: Said, whole: boolean): void {
    const text = mine.words.join(" ");
    mine.words = [];
    if (!text) return;
    const before = (drafts.value[mine.draft] ?? "").trimEnd();
    const isOpen = mine.draft === draftKey.value && area.value === "chats" && !busy.value;
    if (whole && me.value?.sends_spoken && !before && isOpen) {
      void mine.chats.send(text);
      return say(t("voice.sent", { text }));
    }
    setDraft(mine.draft, before ? `${before} ${text}` : text);
    say(t("voice.written", { text }));
  }

  function addRest(mine: Said): void {
    const rest = mine.recording.end();
    if (rest) mine.parts.push(rest);
  }

  function got(mine: Said, samples: Float32Array): void {
    if (said !== mine || mine.isOver) return;
    level.value = shownLevel(loudness(samples));
    const part = mine.recording.add(samples);
    recorded.value = mine.recording.seconds;
    if (part) {
      mine.parts.push(part);
      void pump(mine);
    }
    if (mine.recording.isFull) {
      told(t("voice.long", { n: LONGEST_S / 60 }));
      void stop();
    }
  }

  /** What was said is written down. */
  async function stop(): Promise<void> {
    const mine = said;
    if (!mine || listening.value !== "recording") return;
    listening.value = "writing";
    level.value = 0;
    await mine.microphone?.close();
    if (said !== mine || mine.isOver) return;
    addRest(mine);
    mine.isOver = true;
    mine.microphone = null;
    if (mine.parts.length === 0 && mine.words.length === 0 && !mine.isSending) {
      drop();
      return told(t("voice.silent"));
    }
    await pump(mine);
  }

  async function start(chats: ChatActions): Promise<void> {
    if (listening.value !== "off") return;
    drop();
    told("");
    const mine: Said = {
      ...{ draft: draftKey.value, chats, recording: new Recording(), parts: [], words: [], microphone: null },
      ...{ isOver: false, isSending: false, abort: new AbortController() },
    };
    said = mine;
    listening.value = "asking";
    try {
      const microphone = await open((samples) => got(mine, samples), () => void stop());
      if (said !== mine) return microphone.drop(); // dropped while the browser asked
      mine.microphone = microphone;
      listening.value = "recording";
    } catch (error) {
      if (said !== mine) return;
      drop();
      told(t(REFUSED[error instanceof DOMException ? error.name : ""] ?? "voice.broken"));
    }
  }

  effect(() => {
    if (stage.value !== "in") drop();
  });
  window.addEventListener("pagehide", drop);

  return {
    start,
    stop,
    drop(): void {
      drop();
      told("");
    },
    /** What was kept is sent once more. */
    async again(): Promise<void> {
      if (!said || !keptSound.value) return;
      [listening.value, keptSound.value] = ["writing", false];
      told("");
      await pump(said);
    },
  };
}

export type ListeningActions = ReturnType<typeof listeningActions>;
