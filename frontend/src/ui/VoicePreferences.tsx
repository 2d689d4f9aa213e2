/** How somebody speaks to the page and is read to. */
import { SAMPLE, type AloudActions } from "../actions/aloud";
import type { PreferenceActions } from "../actions/preferences";
import { language, t } from "../i18n";
import { number, type Language } from "../logic/format";
import { me } from "../personal";
import type { MeChange } from "../types";
import { readAloud, unread } from "../voice";

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75] as const;
const KINDS = ["nova", "onyx"] as const;
const HEARS = ["pt", "en", "either"] as const;
const SAMPLES: Readonly<Record<Language, string>> = {
  pt: "Bom dia! Assim eu leio as suas respostas em português.",
  en: "Good morning! This is how I read your answers in English.",
};

interface Props {
  preferences: PreferenceActions;
  aloud: AloudActions;
}

function OfLanguage({ of, preferences, aloud }: Props & { of: Language }) {
  const own = me.value!;
  const change = (wish: MeChange) => void preferences.change(wish);
  return (
    <div class="settings-row voice-row">
      <label class="field">
        <span>{t(`voice.prefs.voice.${of}`)}</span>
        <select value={own[`voice_${of}`] ?? "nova"} onChange={({ currentTarget }) => change({ [`voice_${of}`]: currentTarget.value })}>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t(`voice.prefs.${kind}`)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{t(`voice.prefs.speed.${of}`)}</span>
        <select value={own[`speed_${of}`] ?? 1} onChange={({ currentTarget }) => change({ [`speed_${of}`]: Number(currentTarget.value) })}>
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed}>
              {number(speed, language.value, 2)}×
            </option>
          ))}
        </select>
      </label>
      <button type="button" onClick={() => aloud.sample(of, SAMPLES[of])}>
        {t(`voice.prefs.try.${of}`)}
      </button>
    </div>
  );
}

export function VoicePreferences({ preferences, aloud }: Props) {
  const own = me.value!;
  const check = (name: "reads_aloud" | "sends_spoken", words: "voice.prefs.aloud" | "voice.prefs.send") => (
    <label class="check">
      <input type="checkbox" checked={own[name]} onChange={({ currentTarget }) => void preferences.change({ [name]: currentTarget.checked })} />
      {t(words)}
    </label>
  );
  return (
    <section class="my-data key-form voice-prefs" aria-labelledby="voice-prefs">
      <h3 id="voice-prefs">{t("voice.prefs")}</h3>
      <p class="hint">{t("voice.prefs.what")}</p>
      {check("reads_aloud", "voice.prefs.aloud")}
      {check("sends_spoken", "voice.prefs.send")}
      <label class="field">
        <span>{t("voice.prefs.hears")}</span>
        <select value={own.hears ?? ""} onChange={({ currentTarget }) => void preferences.change({ hears: (currentTarget.value || null) as typeof own.hears })}>
          <option value="">{t("voice.prefs.hears.page")}</option>
          {HEARS.map((one) => (
            <option key={one} value={one}>
              {t(`voice.prefs.hears.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <OfLanguage of="pt" preferences={preferences} aloud={aloud} />
      <OfLanguage of="en" preferences={preferences} aloud={aloud} />
      {readAloud.value === SAMPLE && (
        <button type="button" onClick={aloud.stop}>
          {t("aloud.stop")}
        </button>
      )}
      {unread.value && (
        <p class="trouble" role="alert">
          {unread.value}
        </p>
      )}
    </section>
  );
}
