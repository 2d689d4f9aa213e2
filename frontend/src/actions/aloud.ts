/**
 * Answers read aloud, a sentence after the other, as they come or when somebody asks. The next one is fetched while one is
 * heard. One tab reads at a time: a Web Lock, which whoever asks for it by hand takes from another tab.
 */
import { effect, untracked } from "@preact/signals";
import { ApiError, type Api } from "../api";
import { language, t } from "../i18n";
import { isFinalMessage, textOf } from "../logic/chat";
import type { Language } from "../logic/format";
import { Spoken } from "../logic/spoken";
import { tongueOf } from "../logic/tongue";
import { me } from "../personal";
import { area, chat, stage } from "../state";
import type { Message } from "../types";
import { listening, readAloud, unread } from "../voice";
import { explain, notify } from "./notices";

const TOGETHER = 220; // characters: short sentences are fetched as one, as a request a sentence would soon be too many
const LOCK = "foreverus.voice";
const BLOCKED_MS = 1_500;
const LATE_MS = 5_000; // behind its end: nobody plays it
const NAMES: Readonly<Record<Language, string>> = { pt: "pt-BR", en: "en-US" };

/** One text that is read. */
class Reading {
  private readonly spoken: Spoken;
  private readonly abort = new AbortController();
  private wake: () => void = () => undefined;
  private source: AudioBufferSourceNode | null = null;
  over: () => void = () => undefined;
  readonly isOver = new Promise<void>((done) => (this.over = done));

  constructor(
    readonly id: string,
    readonly language: Language,
    private readonly api: Pick<Api, "send">,
    private readonly context: AudioContext,
  ) {
    this.spoken = new Spoken(language);
  }

  feed(text: string, done: boolean): void {
    this.spoken.feed(text, done);
    this.wake();
  }

  stop(): void {
    this.abort.abort();
    this.source?.stop();
    this.wake();
    this.over();
  }

  get isStopped(): boolean {
    return this.abort.signal.aborted;
  }

  /** Until all is heard, or it is stopped. Rejects where it cannot go on. */
  async play(): Promise<void> {
    await this.unlock();
    for (let coming = this.next(); ; ) {
      const sound = await coming;
      if (!sound || this.isStopped) return;
      coming = this.next();
      coming.catch(() => undefined); // it is told when it would be heard
      await Promise.race([this.hear(sound), this.isOver]);
    }
  }

  /** A browser lets nobody be heard before something was pressed. */
  private async unlock(): Promise<void> {
    const late = new Promise((done) => setTimeout(done, BLOCKED_MS));
    await Promise.race([this.context.resume(), late, this.isOver]);
    if (this.context.state !== "running" && !this.isStopped) throw new Error(t("aloud.blocked"));
  }

  private async next(): Promise<AudioBuffer | null> {
    let text: string | null = null;
    while ((text = this.spoken.take(TOGETHER)) === null) {
      if (this.spoken.isEmpty || this.isStopped) return null;
      await new Promise<void>((done) => (this.wake = done));
    }
    if (this.isStopped) return null;
    const [kind, speed] = this.language === "pt" ? [me.value?.voice_pt, me.value?.speed_pt] : [me.value?.voice_en, me.value?.speed_en];
    const body = { model: "tts-1", voice: kind ?? "nova", input: text, language: NAMES[this.language], speed: speed ?? 1 };
    const answer = await this.api.send("POST", "/audio/speech", { body, signal: this.abort.signal });
    return this.context.decodeAudioData(await answer.arrayBuffer());
  }

  private hear(sound: AudioBuffer): Promise<void> {
    const source = this.context.createBufferSource();
    source.buffer = sound;
    source.connect(this.context.destination);
    return new Promise((done, no) => {
      const late = setTimeout(() => no(new Error(t("aloud.silent"))), 1_000 * sound.duration + LATE_MS);
      source.onended = () => {
        clearTimeout(late);
        done();
      };
      source.start();
      this.source = source;
    });
  }
}

export function aloudActions(api: Pick<Api, "send">, made: () => AudioContext = () => new AudioContext()) {
  let context: AudioContext | undefined;
  let reading: Reading | null = null;
  const begun = new Set<string>(); // answers that were begun by themselves: one that was stopped stays so

  function stop(mine = reading): void {
    mine?.stop();
    if (mine !== reading) return;
    reading = null;
    readAloud.value = null;
  }

  function failed(error: unknown): void {
    if (error instanceof ApiError && error.code === "voice_off" && me.value) {
      me.value = { ...me.value, has_voice: false };
      notify(explain(error));
    } else unread.value = explain(error);
  }

  async function run(mine: Reading): Promise<void> {
    try {
      await mine.play();
    } catch (error) {
      if (!mine.isStopped) failed(error);
    } finally {
      stop(mine);
    }
  }

  /** `asked`: by hand; else another tab that reads goes on. */
  function begin(id: string, tongue: Language, asked: boolean): Reading {
    stop();
    context ??= made();
    const mine = new Reading(id, tongue, api, context);
    reading = mine;
    unread.value = "";
    const how = asked ? { steal: true } : { ifAvailable: true };
    if (!("locks" in navigator)) void run(mine);
    else {
      navigator.locks
        .request(LOCK, how, (lock) => {
          if (!lock) return stop(mine);
          void run(mine);
          return mine.isOver;
        })
        .catch(() => stop(mine)); // another tab was asked to read
    }
    readAloud.value = id;
    return mine;
  }

  function tongue(text: string): Language {
    const found = tongueOf(text);
    return found ? (found === "en" ? "en" : "pt") : language.peek();
  }

  function follow(message: Message): void {
    const text = isFinalMessage(message) ? message.content : textOf(chat.value, message);
    reading?.feed(text ?? "", isFinalMessage(message));
  }

  function read(message: Message, asked: boolean): void {
    begin(message.id, tongue(textOf(chat.peek(), message) ?? ""), asked);
    follow(message);
  }

  // An answer that comes, as soon as enough of it is there to know its language.
  effect(() => {
    const last = chat.value.messages.at(-1);
    const wants = me.value?.reads_aloud && stage.value === "in" && area.value === "chats" && listening.value === "off";
    if (!wants || last?.role !== "assistant" || isFinalMessage(last) || begun.has(last.id)) return;
    if (!/[.!?…:\n]\s/.test(textOf(chat.value, last) ?? "")) return;
    begun.add(last.id);
    untracked(() => read(last, false));
  });
  effect(() => {
    const id = readAloud.value;
    if (!id) return; // with each word of an answer: nothing is looked for then
    const message = chat.value.messages.findLast((one) => one.id === id);
    if (message) follow(message);
    else if (id !== SAMPLE) untracked(() => stop()); // elsewhere, or gone
  });
  effect(() => {
    const goesOn = stage.value === "in" && (area.value === "chats" || readAloud.peek() === SAMPLE) && listening.value === "off";
    if (!goesOn) untracked(() => stop());
  });

  return {
    stop: () => stop(),
    /** An answer, from its beginning. */
    read: (message: Message) => read(message, true),
    /** How the voice of a language sounds. */
    sample(of: Language, text: string): void {
      begin(SAMPLE, of, true).feed(text, true);
    },
    /** In a click, so that what comes by itself later may be heard. */
    allow(): void {
      context ??= made();
      void context.resume();
    },
  };
}

export const SAMPLE = "sample";
export type AloudActions = ReturnType<typeof aloudActions>;
