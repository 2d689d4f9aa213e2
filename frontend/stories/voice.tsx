/** Speaking to the page, and being read to. */
import { SAMPLE } from "../src/actions/aloud";
import { besideAnswer, besideComposer } from "../src/beside";
import { NO_CHAT } from "../src/logic/chat";
import { me } from "../src/personal";
import * as state from "../src/state";
import type { Me, Message } from "../src/types";
import { ChatView } from "../src/ui/ChatView";
import { ReadAloud, VoiceBeside, voiceParts } from "../src/ui/Voice";
import { VoicePreferences } from "../src/ui/VoicePreferences";
import * as voice from "../src/voice";
import { conversation, message } from "../test/made";
import { silent, type Stories, type Story } from "./kit";

const OWN: Me = {
  ...{ object: "person", id: "user", backend: null, language: null, theme: null, sounds: false, default_backend: "auto" },
  ...{ has_voice: true, sees_images: false, reads_aloud: true, sends_spoken: false, suggest_memories: false, hears: null },
  ...{ voice_pt: "onyx", voice_en: null, speed_pt: 1.25, speed_en: null },
};
const PARTS = voiceParts(silent as never);
const CHATS = { api: silent } as never;
const ANSWER = message({ id: "ans_1", role: "assistant", status: "answered", content: "Air scatters blue light." } as Partial<Message>);

function here(set: () => void = () => undefined): Story["set"] {
  return () => {
    state.stage.value = "in";
    me.value = OWN;
    set();
  };
}

const beside = (set?: () => void): Story => ({ set: here(set)!, show: () => <VoiceBeside actions={CHATS} /> });

export const VOICE: Stories = {
  "voice: quiet": beside(),
  "voice: the browser asks": beside(() => (voice.listening.value = "asking")),
  "voice: somebody speaks": beside(() => {
    [voice.listening.value, voice.level.value, voice.recorded.value] = ["recording", 0.6, 83];
  }),
  "voice: it is written down": beside(() => (voice.listening.value = "writing")),
  "voice: a recording is kept": beside(() => {
    [voice.unheard.value, voice.keptSound.value] = ["The spend cap is used up.", true];
  }),
  "voice: it reads": beside(() => (voice.readAloud.value = SAMPLE)),
  "voice: it broke off": beside(() => (voice.unread.value = "The server could not answer.")),
  "voice: an answer's button": { set: here()!, show: () => <ReadAloud message={ANSWER} actions={PARTS.aloud} /> },
  "voice: in a conversation": {
    set: here(() => {
      besideComposer.value = VoiceBeside;
      besideAnswer.value = ({ message }) => <ReadAloud message={message} actions={PARTS.aloud} />;
      state.current.value = "con_1";
      state.conversations.value = [conversation({ title: "The sky" })];
      state.chats.value = { con_1: { ...NO_CHAT, loaded: true, messages: [message({ content: "Why is the sky blue?" }), ANSWER] } };
    })!,
    show: () => <ChatView actions={CHATS} lists={silent as never} quotes={silent as never} />,
  },
  "voice: preferences": { set: here()!, show: () => <VoicePreferences {...PARTS} /> },
  "voice: preferences, heard": { set: here(() => (voice.readAloud.value = SAMPLE))!, show: () => <VoicePreferences {...PARTS} /> },
};
