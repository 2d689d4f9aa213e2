/** What the open conversation is set to, and the person's library of prompts: a dialogue. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { promptActions } from "../actions/prompts";
import { language, t, type Key } from "../i18n";
import { number } from "../logic/format";
import { NAME_CHARACTERS, settingsFrom, SYSTEM_CHARACTERS, typedOf, USUAL_ANSWER_TOKENS, type Typed } from "../logic/settingsForm";
import { prompts } from "../personal";
import type { Page } from "../start";
import { current, settings, settingsOpen, takesDocuments } from "../state";
import { BackendOptions } from "./BackendOptions";
import { isEnterOfInputMethod } from "./enter";
import { Library } from "./PromptLibrary";
import { Said } from "./Said";
import "../settings.css";

const STARTERS = ["tutor", "proofreader", "summary", "code"] as const;

/** `chosen`: of one's own, the prompt that was taken last. */
function TakePrompt({ typed, chosen }: { typed: Signal<Typed>; chosen: Signal<string> }) {
  const take = (value: string) => {
    const own = prompts.value.find((one) => one.id === value);
    const starter = STARTERS.find((one) => one === value);
    const system = own?.text ?? (starter && t(`starter.${starter}.text`));
    chosen.value = own?.id ?? "";
    if (system !== undefined) typed.value = { ...typed.value, system };
  };
  return (
    <label class="field">
      <span>{t("settings.prompt")}</span>
      <select value={chosen.value} onChange={(event) => take(event.currentTarget.value)}>
        <option value="">{t("settings.prompt.none")}</option>
        {prompts.value.length > 0 && (
          <optgroup label={t("settings.prompt.own")}>
            {prompts.value.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </optgroup>
        )}
        <optgroup label={t("settings.prompt.starters")}>
          {STARTERS.map((one) => (
            <option key={one} value={one}>
              {t(`starter.${one}`)}
            </option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}

interface NumberField {
  name: "temperature" | "maxTokens";
  label: Key;
  what: string;
  problem: Key | undefined;
  typed: Signal<Typed>;
}

function NumberField({ name, label, what, problem, typed }: NumberField) {
  return (
    <div class="field">
      <label for={`settings-${name}`}>{t(label)}</label>
      <input
        id={`settings-${name}`}
        type="text"
        inputMode={name === "temperature" ? "decimal" : "numeric"}
        autocomplete="off"
        value={typed.value[name]}
        aria-invalid={problem !== undefined}
        aria-describedby={`settings-${name}-what`}
        onKeyDown={(event) => isEnterOfInputMethod(event) && event.preventDefault()}
        onInput={(event) => (typed.value = { ...typed.value, [name]: event.currentTarget.value })}
      />
      <p id={`settings-${name}-what`} class={problem ? "hint trouble" : "hint"}>
        {problem ? t(problem) : what}
      </p>
    </div>
  );
}

function System({ typed }: { typed: Signal<Typed> }) {
  const { system } = typed.value;
  const count = number([...system].length, language.value);
  return (
    <div class="field">
      <label for="settings-system">{t("settings.system")}</label>
      <textarea
        id="settings-system"
        rows={5}
        maxLength={SYSTEM_CHARACTERS}
        value={system}
        aria-describedby="settings-system-what"
        onInput={(event) => (typed.value = { ...typed.value, system: event.currentTarget.value })}
      />
      <p id="settings-system-what" class="hint">
        {system ? t("settings.system.size", { n: count, most: number(SYSTEM_CHARACTERS, language.value) }) : t("settings.system.what")}
      </p>
    </div>
  );
}

function Sheet({ page }: { page: Page }) {
  const sheet = useRef<HTMLDialogElement>(null);
  const actions = useMemo(() => promptActions(page.api), [page]);
  // What was set when it was opened: another tab may change it meanwhile.
  const [id, before] = useMemo(() => [current.peek(), settings.peek()] as const, []);
  const typed = useSignal(typedOf(before, language.peek() === "pt"));
  const chosen = useSignal("");
  const tried = useSignal(false);
  const busy = useSignal(false);
  const trouble = useSignal<string | null>(null);
  useEffect(() => {
    sheet.current?.showModal();
    void actions.refresh().then((failed) => (trouble.value ??= failed));
  }, []);

  const close = () => {
    actions.settle();
    settingsOpen.value = false;
  };

  const { settings: after, problems } = settingsFrom(typed.value);
  const save = async () => {
    tried.value = true;
    if (busy.value || Object.keys(problems).length > 0) return;
    busy.value = true;
    trouble.value = await actions.set(id, before, after);
    busy.value = false;
    if (trouble.value === null) sheet.current?.close();
  };
  return (
    <dialog ref={sheet} class="sheet settings" aria-labelledby="settings-title" onClose={close}>
      <h2 id="settings-title">{t(id ? "settings.title" : "settings.title.new")}</h2>
      <p class="hint">{t("settings.what")}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TakePrompt typed={typed} chosen={chosen} />
        <System typed={typed} />
        <div class="settings-row">
          <NumberField
            name="temperature"
            label="settings.temperature"
            what={t("settings.temperature.what")}
            problem={problems.temperature}
            typed={typed}
          />
          <NumberField
            name="maxTokens"
            label="settings.tokens"
            what={t("settings.tokens.what", { n: number(USUAL_ANSWER_TOKENS, language.value) })}
            problem={problems.maxTokens}
            typed={typed}
          />
        </div>
        <label class="field">
          <span>{t("chat.backend")}</span>
          <select
            value={typed.value.backend}
            onChange={(event) => (typed.value = { ...typed.value, backend: event.currentTarget.value as Typed["backend"] })}
          >
            <option value="">{t("settings.backend.preferred")}</option>
            <BackendOptions />
          </select>
        </label>
        {(["memories", ...(takesDocuments.value ? (["documents"] as const) : [])] as const).map((name) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={typed.value[name]}
              onChange={(event) => (typed.value = { ...typed.value, [name]: event.currentTarget.checked })}
            />
            {t(name === "memories" ? "memories.use" : "docs.use")}
          </label>
        ))}
        {trouble.value && (
          <p class="trouble" role="alert">
            {trouble.value}
          </p>
        )}
        {tried.value && Object.values(problems).map((problem) => (
          <p key={problem} class="trouble" role="alert">
            {t(problem)}
          </p>
        ))}
        <div class="settings-ends">
          <button type="submit" class="primary" disabled={busy.value}>
            {t(busy.value ? "settings.saving" : "settings.save")}
          </button>
          <button type="button" class="quiet" onClick={() => sheet.current?.close()}>
            {t("settings.cancel")}
          </button>
        </div>
      </form>
      <Library text={after.system} chosen={chosen} actions={actions} mostCharacters={NAME_CHARACTERS} />
      {/* The page's own region cannot be heard while the dialogue is open. */}
      <Said />
    </dialog>
  );
}

export default function Settings({ page }: { page: Page }) {
  return <Sheet page={page} />;
}
