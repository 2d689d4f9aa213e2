/** What a person wants remembered: each is seen, edited, switched off, forgotten; and what they take of each question. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { MEMORIES, memoryActions, type MemoryActions } from "../actions/memories";
import { preferenceActions } from "../actions/preferences";
import type { Api } from "../api";
import { language, t } from "../i18n";
import { isolated } from "../logic/bidi";
import { number } from "../logic/format";
import { asMemory, MEMORY_CHARACTERS } from "../logic/remember";
import { me } from "../personal";
import { leavingMemories, memories } from "../remembered";
import type { Memory } from "../types";
import { isEnterOfInputMethod, meantEnter } from "./enter";
import { PlaceLink } from "./PlaceLink";
import { Told } from "./Said";
import { Wait } from "./Wait";

interface RowProps {
  memory: Memory;
  budget: number;
  actions: MemoryActions;
  failed: (text: string) => void;
}

function Editing({ memory, actions, failed, close }: RowProps & { close: () => void }) {
  const text = useSignal(memory.text);
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const save = async () => {
    const wanted = asMemory(text.value);
    if (!wanted) return;
    const trouble = wanted === memory.text ? null : await actions.change(memory.id, { text: wanted });
    if (trouble) failed(trouble);
    else close();
  };
  return (
    <li class="prompt-row">
      <input
        ref={box}
        type="text"
        maxLength={MEMORY_CHARACTERS}
        aria-label={t("memories.box")}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") close();
          else if (meantEnter(event)) (event.preventDefault(), void save());
        }}
      />
      <button type="button" onClick={() => void save()}>
        {t("memories.save")}
      </button>
      <button type="button" class="quiet" onClick={close}>
        {t("memories.cancel")}
      </button>
    </li>
  );
}

function Row(props: RowProps) {
  const { memory, budget, actions, failed } = props;
  const editing = useSignal(false);
  if (editing.value) return <Editing {...props} close={() => (editing.value = false)} />;
  const { text, conversation } = memory;
  const turn = async (enabled: boolean) => {
    const trouble = await actions.change(memory.id, { enabled });
    if (trouble) failed(trouble);
  };
  return (
    <li class="prompt-row">
      <label class="check prompt-name">
        <input type="checkbox" checked={memory.enabled} onChange={(event) => void turn(event.currentTarget.checked)} />
        {text}
      </label>
      {memory.enabled && !memory.in_use && <span class="hint">{t("memories.over", { most: number(budget, language.value) })}</span>}
      {conversation && (
        <span class="hint">
          {t("memories.from")}{" "}
          <PlaceLink to={{ area: "chats", id: conversation.id }} current={false}>
            {isolated(conversation.title) || t("chat.untitled")}
          </PlaceLink>
        </span>
      )}
      <button type="button" class="quiet" aria-label={t("memories.edit", { text })} onClick={() => (editing.value = true)}>
        {t("memories.edit.do")}
      </button>
      <button type="button" class="quiet" aria-label={t("memories.delete", { text })} onClick={() => actions.forget(memory)}>
        {t("memories.delete.do")}
      </button>
    </li>
  );
}

function Add({ actions, failed }: Pick<RowProps, "actions" | "failed">) {
  const text = useSignal("");
  const busy = useSignal(false);
  const key = useRef(crypto.randomUUID());
  const add = async () => {
    const wanted = asMemory(text.value);
    if (!wanted || busy.value) return;
    busy.value = true;
    const trouble = await actions.keep({ text: wanted }, key.current);
    busy.value = false;
    failed(trouble ?? "");
    if (trouble === null) [text.value, key.current] = ["", crypto.randomUUID()];
  };
  return (
    <form class="prompt-keep" onSubmit={(event) => (event.preventDefault(), void add())}>
      <label class="field">
        <span>{t("memories.new")}</span>
        <input
          type="text"
          maxLength={MEMORY_CHARACTERS}
          autocomplete="off"
          value={text.value}
          onKeyDown={(event) => isEnterOfInputMethod(event) && event.preventDefault()}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            key.current = crypto.randomUUID(); // another request
          }}
        />
      </label>
      <button type="submit" disabled={busy.value || !text.value.trim()}>
        {t("memories.add")}
      </button>
    </form>
  );
}

function Suggest({ api }: { api: Api }) {
  const { change } = useMemo(() => preferenceActions(api), [api]);
  return (
    <>
      <label class="check">
        <input
          type="checkbox"
          checked={me.value?.suggest_memories ?? false}
          disabled={!me.value}
          aria-describedby="memories-suggest"
          onChange={(event) => void change({ suggest_memories: event.currentTarget.checked })}
        />
        {t("memories.suggest")}
      </label>
      <p class="hint" id="memories-suggest">
        {t("memories.suggest.what")}
      </p>
    </>
  );
}

export function Memories({ api }: { api: Api }) {
  const actions = useMemo(() => memoryActions(api), [api]);
  const trouble = useSignal("");
  const failed = (text: string) => (trouble.value = text);
  useEffect(() => void actions.refresh(), []);
  const found = memories.value;
  const shown = found?.data.filter((one) => !leavingMemories.value.has(one.id));
  return (
    <section class="my-data memories" aria-labelledby="memories">
      <h3 id="memories">{t("memories.title")}</h3>
      <p class="hint">{t("memories.what")}</p>
      <Suggest api={api} />
      {!found || !shown ? (
        <Wait name={MEMORIES} />
      ) : (
        <>
          <Told
            text={
              shown.length === 0
                ? t("memories.none")
                : t("memories.budget", { n: number(found.used_tokens, language.value), most: number(found.budget_tokens, language.value) })
            }
          />
          <ul>
            {shown.map((one) => (
              <Row key={one.id} memory={one} budget={found.budget_tokens} actions={actions} failed={failed} />
            ))}
          </ul>
          <Add actions={actions} failed={failed} />
        </>
      )}
      {trouble.value && (
        <p class="trouble" role="alert">
          {trouble.value}
        </p>
      )}
    </section>
  );
}
