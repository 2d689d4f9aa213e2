/** The person's own prompts: kept, renamed, written over, deleted with a way back. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PromptActions } from "../actions/prompts";
import { t } from "../i18n";
import { leavingPrompts, prompts, promptsKnown } from "../personal";
import type { Prompt } from "../types";
import { isEnterOfInputMethod, meantEnter } from "./enter";
import { Told } from "./Said";

function Row({ prompt, actions, failed }: { prompt: Prompt; actions: PromptActions; failed: (text: string) => void }) {
  const name = useSignal<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const row = useRef<HTMLLIElement>(null);
  const editing = name.value !== null;
  useEffect(() => {
    if (editing) box.current?.select();
  }, [editing]);
  if (leavingPrompts.value.has(prompt.id)) {
    return (
      <li class="prompt-row" ref={row}>
        <Told class="prompt-name" text={t("settings.deleted", { name: prompt.name })} />
        <button type="button" ref={(button) => button?.focus()} onClick={() => actions.undo(prompt.id)}>
          {t("app.undo")}
        </button>
      </li>
    );
  }
  const rename = async () => {
    const wanted = name.value?.trim();
    name.value = null;
    if (!wanted || wanted === prompt.name) return;
    const trouble = await actions.change(prompt.id, { name: wanted });
    if (trouble) failed(trouble);
  };
  if (editing) {
    return (
      <li class="prompt-row">
        <input
          ref={box}
          type="text"
          maxLength={80}
          value={name.value ?? ""}
          aria-label={t("settings.rename.box", { name: prompt.name })}
          onInput={(event) => (name.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") {
              event.preventDefault(); // the dialogue stays open
              name.value = null;
            } else if (meantEnter(event)) {
              event.preventDefault();
              void rename();
            }
          }}
        />
        <button type="button" onClick={() => void rename()}>
          {t("settings.rename.do")}
        </button>
      </li>
    );
  }
  return (
    <li class="prompt-row">
      <span class="prompt-name">{prompt.name}</span>
      <button type="button" class="quiet" aria-label={t("settings.rename", { name: prompt.name })} onClick={() => (name.value = prompt.name)}>
        {t("settings.rename.do")}
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={t("settings.delete", { name: prompt.name })}
        onClick={() => actions.remove(prompt.id, failed)}
      >
        {t("settings.delete.do")}
      </button>
    </li>
  );
}

interface Props {
  /** The system prompt as it is typed. */
  text: string;
  chosen: Signal<string>;
  actions: PromptActions;
  mostCharacters: number;
}

export function Library({ text, chosen, actions, mostCharacters }: Props) {
  const name = useSignal("");
  const done = useSignal("");
  const trouble = useSignal("");
  const busy = useSignal(false);
  const key = useRef(crypto.randomUUID());
  const over = prompts.value.find((one) => one.id === chosen.value && one.text !== text);
  const failed = (words: string) => (trouble.value = words);

  const run = async (ask: () => Promise<string | null>, said: string) => {
    if (busy.value) return false;
    busy.value = true;
    const problem = await ask();
    busy.value = false;
    [trouble.value, done.value] = [problem ?? "", problem ? "" : said];
    return problem === null;
  };
  const keep = async () => {
    const wanted = name.value.trim();
    if (!wanted || !text) return;
    if (await run(() => actions.save(wanted, text, key.current), t("settings.kept", { name: wanted }))) {
      name.value = "";
      key.current = crypto.randomUUID();
    }
  };
  return (
    <section class="prompts" aria-labelledby="settings-library">
      <h3 id="settings-library">{t("settings.library", { n: prompts.value.length - leavingPrompts.value.size })}</h3>
      {prompts.value.length === 0 && <p class="hint">{t(promptsKnown.value ? "settings.library.none" : "settings.library.loading")}</p>}
      <ul>
        {prompts.value.map((one) => (
          <Row key={one.id} prompt={one} actions={actions} failed={failed} />
        ))}
      </ul>
      <form
        class="prompt-keep"
        onSubmit={(event) => {
          event.preventDefault();
          void keep();
        }}
      >
        <label class="field">
          <span>{t("settings.name")}</span>
          <input
            type="text"
            maxLength={mostCharacters}
            placeholder={t("settings.name.example")}
            autocomplete="off"
            value={name.value}
            onKeyDown={(event) => isEnterOfInputMethod(event) && event.preventDefault()}
            onInput={(event) => {
              name.value = event.currentTarget.value;
              key.current = crypto.randomUUID(); // another request
            }}
          />
        </label>
        <button type="submit" disabled={busy.value || !text || !name.value.trim()}>
          {t("settings.keep")}
        </button>
        {over && (
          <button
            type="button"
            disabled={busy.value || !text}
            onClick={() => void run(() => actions.change(over.id, { text }), t("settings.updated", { name: over.name }))}
          >
            {t("settings.update", { name: over.name })}
          </button>
        )}
      </form>
      <Told class="hint" text={done.value} />
      {trouble.value && (
        <p class="trouble" role="alert">
          {trouble.value}
        </p>
      )}
    </section>
  );
}
