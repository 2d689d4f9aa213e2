/** What a person prefers, and everything of theirs: to take along, and to have deleted. */
import { useMemo } from "preact/hooks";
import { notify } from "../actions/notices";
import { importActions } from "../actions/imports";
import { preferenceActions } from "../actions/preferences";
import { choose, language, t } from "../i18n";
import type { Language } from "../logic/format";
import { me, sounds, theme, type Theme } from "../personal";
import type { Page } from "../start";
import type { BackendChoice } from "../types";
import { BackendOptions } from "./BackendOptions";
import Imports from "./Imports";
import { Memories } from "./Memories";
import { MyData } from "./MyData";
import { OnDevice } from "./OnDevice";
import { voiceParts } from "./Voice";
import { VoicePreferences } from "./VoicePreferences";
import { Wait } from "./Wait";
import "../settings.css";

const LANGUAGES: Readonly<Record<Language, string>> = { pt: "Português", en: "English" };
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export default function Preferences({ page }: { page: Page }) {
  const actions = useMemo(() => preferenceActions(page.api), [page]);
  const imports = useMemo(() => importActions(page.api), [page]);
  const stack = me.value?.default_backend;
  return (
    <section class="batch" data-home="prefs" aria-labelledby="prefs">
      <div class="chat-head">
        <h2 id="prefs" tabIndex={-1}>
          {t("prefs.title")}
        </h2>
      </div>
      <div class="batch-body">
        <p class="hint">{t(me.value ? "prefs.what" : "prefs.here")}</p>
        {!me.value && <Wait name="me" />}
        <div class="key-form prefs">
          <label class="field">
            <span>{t("app.language")}</span>
            <select
              value={language.value}
              onChange={(event) => choose(event.currentTarget.value as Language).catch(() => notify(t("app.newer")))}
            >
              {(["pt", "en"] as const).map((tag) => (
                <option key={tag} value={tag} lang={tag}>
                  {LANGUAGES[tag]}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>{t("prefs.theme")}</span>
            <select value={theme.value} onChange={(event) => void actions.setTheme(event.currentTarget.value as Theme)}>
              {THEMES.map((name) => (
                <option key={name} value={name}>
                  {t(`prefs.theme.${name}`)}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>{t("prefs.backend")}</span>
            <select
              value={me.value?.backend ?? ""}
              disabled={!me.value}
              aria-describedby="prefs-backend"
              onChange={(event) => void actions.setBackend((event.currentTarget.value || null) as BackendChoice | null)}
            >
              <option value="">{stack ? t("prefs.backend.team", { backend: t(`chat.backend.${stack}`) }) : t("app.loading")}</option>
              <BackendOptions />
            </select>
          </label>
          <p class="hint" id="prefs-backend">
            {t("prefs.backend.what")}
          </p>
          <label class="check">
            <input
              type="checkbox"
              checked={sounds.value}
              disabled={!me.value}
              onChange={(event) => void actions.setSounds(event.currentTarget.checked)}
            />
            {t("prefs.sounds")}
          </label>
        </div>
        {me.value?.has_voice && <VoicePreferences {...voiceParts(page.api)} />}
        <Memories api={page.api} />
        <OnDevice />
        <Imports actions={imports} lists={page.conversations} />
        <MyData actions={page.myData} />
      </div>
    </section>
  );
}
