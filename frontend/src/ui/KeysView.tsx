/** A person's API keys: a new one, which is shown once, and those that there are. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { KeyActions } from "../actions/keys";
import { say } from "../actions/notices";
import { language, t } from "../i18n";
import { curlLines, pythonLines } from "../logic/client";
import { day } from "../logic/format";
import { hasExpired, LIFETIMES, MOST_KEYS, NAME_CHARACTERS, REVOKED_WITHIN_S, type Lifetime } from "../logic/keys";
import { creatingKey, keys, keysKnown, models, newKey, now, revokingKey } from "../state";
import type { ApiKey, NewApiKey } from "../types";
import { isEnterOfInputMethod } from "./enter";
import { Told } from "./Said";
import { Wait } from "./Wait";

function lifetimeWords(lifetime: Lifetime): string {
  if (lifetime === "never") return t("keys.expires.never");
  return lifetime === "365" ? t("keys.expires.year") : t("keys.expires.days", { n: lifetime });
}

function Form({ actions }: { actions: KeyActions }) {
  const name = useSignal("");
  const lifetime = useSignal<Lifetime>("never");
  const maker = useSignal(false);
  const full = keys.value.length >= MOST_KEYS;
  const submit = async () => {
    if (!name.value.trim()) return;
    if (await actions.create(name.value, lifetime.value, maker.value)) {
      name.value = "";
      maker.value = false;
    }
  };
  return (
    <form
      class="key-form"
      aria-labelledby="key-new"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h3 id="key-new">{t("keys.new")}</h3>
      <label class="field">
        <span>{t("keys.name")}</span>
        <input
          type="text"
          maxLength={NAME_CHARACTERS}
          placeholder={t("keys.name.example")}
          autocomplete="off"
          required
          value={name.value}
          onKeyDown={(event) => isEnterOfInputMethod(event) && event.preventDefault()}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>{t("keys.expires")}</span>
        <select value={lifetime.value} onChange={(event) => (lifetime.value = event.currentTarget.value as Lifetime)}>
          {LIFETIMES.map((one) => (
            <option key={one} value={one}>
              {lifetimeWords(one)}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={maker.value}
          onChange={(event) => (maker.value = event.currentTarget.checked)}
        />
        {t("keys.maker")}
      </label>
      <button type="submit" class="primary" disabled={creatingKey.value || full}>
        {t(creatingKey.value ? "keys.creating" : "keys.create")}
      </button>
      {full && <p class="hint">{t("keys.full", { n: MOST_KEYS })}</p>}
    </form>
  );
}

function Made({ made, actions, base }: { made: NewApiKey; actions: KeyActions; base: string }) {
  const model = models.value.find((name) => !name.includes("@"));
  const text = useRef<HTMLInputElement>(null);
  const copied = useSignal<"" | "copied" | "failed">("");
  const copy = async () => {
    text.current?.select();
    try {
      await navigator.clipboard.writeText(made.key);
      copied.value = "copied";
    } catch {
      copied.value = "failed";
    }
  };
  return (
    <section class="verdict verdict-good key-made" aria-labelledby="key-made">
      <h3 id="key-made">{t("keys.made", { name: made.name })}</h3>
      <p>{t("keys.made.once")}</p>
      <div class="key-text">
        <input
          ref={text}
          type="text"
          readOnly
          spellcheck={false}
          aria-label={t("keys.text")}
          value={made.key}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" class="primary" ref={(button) => button?.focus()} onClick={() => void copy()}>
          {t(copied.value === "copied" ? "keys.copied" : "keys.copy")}
        </button>
      </div>
      <Told
        class="hint"
        text={copied.value === "copied" ? t("keys.copied") : copied.value === "failed" ? t("keys.copy.failed") : ""}
      />
      {model && (
        <>
          <p>{t("keys.use")}</p>
          <Lines title="Python" lines={pythonLines(base, made.key, model, t("keys.use.question"))} />
          <Lines title="curl" lines={curlLines(base, made.key, model, t("keys.use.question"))} />
        </>
      )}
      <button type="button" onClick={() => actions.forget()}>
        {t("keys.kept")}
      </button>
    </section>
  );
}

/** Lines that use the key, as they are. */
function Lines({ title, lines }: { title: string; lines: string }) {
  const copied = useSignal<"" | "copied" | "failed">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(lines);
      copied.value = "copied";
      say(t("keys.copied"));
    } catch {
      copied.value = "failed";
    }
  };
  return (
    <div class="key-lines" role="group" aria-label={title}>
      <div class="key-head">
        <strong>{title}</strong>
        <button type="button" class="quiet" aria-label={t("keys.copy.lines", { what: title })} onClick={() => void copy()}>
          {t(copied.value === "copied" ? "keys.copied" : "keys.copy")}
        </button>
        {copied.value === "failed" && <Told class="hint" text={t("keys.copy.failed")} />}
      </div>
      <pre tabIndex={0} aria-label={title}>
        <code>{lines}</code>
      </pre>
    </div>
  );
}

function Revoke({ api, actions }: { api: ApiKey; actions: KeyActions }) {
  const asking = useSignal(false);
  if (!asking.value) {
    return (
      <button
        type="button"
        class="quiet"
        id={`revoke-${api.id}`}
        aria-label={t("keys.revoke.which", { name: api.name })}
        onClick={() => (asking.value = true)}
      >
        {t("keys.revoke")}
      </button>
    );
  }
  const question = t("keys.revoke.asked", { name: api.name, n: REVOKED_WITHIN_S });
  return (
    <div class="sure" role="group" aria-label={question} data-home={`revoke-${api.id}`}>
      <span>{question}</span>
      <button
        type="button"
        class="danger"
        ref={(button) => button?.focus()}
        disabled={revokingKey.value === api.id}
        onClick={() => void actions.revoke(api.id)}
      >
        {t("keys.revoke.sure")}
      </button>
      <button type="button" class="quiet" onClick={() => (asking.value = false)}>
        {t("keys.revoke.keep")}
      </button>
    </div>
  );
}

function Row({ api, actions }: { api: ApiKey; actions: KeyActions }) {
  const at = (time: string) => day(Date.parse(time), language.value);
  const over = hasExpired(api, now.value);
  return (
    <li class="key-row">
      <div class="key-head">
        <strong class="key-name">{api.name}</strong>
        <span class="hint">{t("keys.ends", { four: api.last_four })}</span>
        {api.can_create_keys && <span class="tag">{t("keys.makes")}</span>}
        {over && <span class="tag key-over">{t("keys.expired")}</span>}
      </div>
      <dl class="facts">
        <div>
          <dt>{t("keys.created")}</dt>
          <dd>{at(api.created_at)}</dd>
        </div>
        <div>
          <dt>{t("keys.used")}</dt>
          <dd>{api.last_used_at ? t("keys.used.about", { time: at(api.last_used_at) }) : t("keys.used.never")}</dd>
        </div>
        <div>
          <dt>{t("keys.expiry")}</dt>
          <dd>{api.expires_at ? at(api.expires_at) : t("keys.expires.never")}</dd>
        </div>
      </dl>
      <Revoke api={api} actions={actions} />
    </li>
  );
}

export default function KeysView({ actions, base }: { actions: KeyActions; base: string }) {
  const made = newKey.value;
  return (
    <section class="batch" data-home="keys" aria-labelledby="keys">
      <div class="chat-head">
        <h2 id="keys" tabIndex={-1}>
          {t("keys.title")}
        </h2>
      </div>
      <div class="batch-body">
        {made ? <Made key={made.id} made={made} actions={actions} base={base} /> : <Form actions={actions} />}
        <section aria-labelledby="key-list">
          <h3 id="key-list">{t("keys.list")}</h3>
          <ul class="key-list">
            {keys.value.map((api) => (
              <Row key={api.id} api={api} actions={actions} />
            ))}
          </ul>
          {keys.value.length === 0 && (keysKnown.value ? <p class="hint">{t("keys.none")}</p> : <Wait name="keys" loading="keys.loading" />)}
        </section>
      </div>
    </section>
  );
}
