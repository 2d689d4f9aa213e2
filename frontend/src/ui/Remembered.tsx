/** Of a question: it can be remembered in all conversations, which is offered where it says so. Of an answer: how many
 * memories it was given. Nothing is ever kept without a click. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { memoryActions, type MemoryActions } from "../actions/memories";
import type { Api } from "../api";
import { t } from "../i18n";
import { asMemory, askedToRemember, MEMORY_CHARACTERS } from "../logic/remember";
import { memories, offered } from "../remembered";
import type { Message } from "../types";
import { meantEnter } from "./enter";
import { PlaceLink } from "./PlaceLink";
import { Told } from "./Said";

interface KeepProps {
  text: string;
  question: Message;
  actions: MemoryActions;
  close: () => void;
  done: () => void;
}

function useKeeping({ question, actions, done }: Omit<KeepProps, "text">) {
  const busy = useSignal(false);
  const trouble = useSignal("");
  const key = useRef(crypto.randomUUID());
  const keep = async (text: string) => {
    if (busy.value || !text) return;
    busy.value = true;
    const problem = await actions.keep({ text, conversation_id: question.conversation_id }, key.current);
    busy.value = false;
    trouble.value = problem ?? "";
    if (problem === null) done();
  };
  const again = () => (key.current = crypto.randomUUID()); // another request
  return { busy, trouble, keep, again };
}

function Editing(props: KeepProps) {
  const text = useSignal(props.text);
  const box = useRef<HTMLTextAreaElement>(null);
  const { busy, trouble, keep, again } = useKeeping(props);
  useEffect(() => box.current?.focus(), []);
  const send = () => void keep(asMemory(text.value));
  return (
    <form class="editing" onSubmit={(event) => (event.preventDefault(), send())}>
      <textarea
        ref={box}
        rows={2}
        maxLength={MEMORY_CHARACTERS}
        aria-label={t("memories.box")}
        value={text.value}
        onInput={(event) => (again(), (text.value = event.currentTarget.value))}
        onKeyDown={(event) => {
          if (event.key === "Escape") props.close();
          else if (meantEnter(event)) (event.preventDefault(), send());
        }}
      />
      <div>
        <button type="submit" class="primary" disabled={busy.value || !text.value.trim()}>
          {t("memories.add")}
        </button>{" "}
        <button type="button" class="quiet" onClick={props.close}>
          {t("memories.cancel")}
        </button>
      </div>
      {trouble.value && <p role="alert" class="trouble">{trouble.value}</p>}
    </form>
  );
}

function Offer(props: KeepProps) {
  const { busy, trouble, keep } = useKeeping(props);
  return (
    <div class="editing" role="group" aria-label={t("memories.this")}>
      <Told text={t("memories.offer", { text: props.text })} />
      <div>
        <button type="button" class="primary" disabled={busy.value} onClick={() => void keep(props.text)}>
          {t("memories.yes")}
        </button>{" "}
        <button type="button" class="quiet" onClick={() => props.actions.decline(props.question.id)}>
          {t("memories.no")}
        </button>
      </div>
      {trouble.value && <p role="alert" class="trouble">{trouble.value}</p>}
    </div>
  );
}

function OfQuestion({ message, api }: { message: Message; api: Api }) {
  const actions = useMemo(() => memoryActions(api), [api]);
  const asked = useMemo(() => askedToRemember(message.content ?? ""), [message.content]);
  const open = useSignal(false);
  const kept = useSignal(false);
  const offers = asked !== null && !offered.value.has(message.id);
  useEffect(() => {
    if (offers && !memories.peek()) void actions.refresh(); // it may be remembered already
  }, [offers]);
  const close = () => (open.value = false);
  const done = () => {
    close();
    kept.value = true;
    actions.decline(message.id);
  };
  const keeping = { question: message, actions, close, done };
  if (open.value) return <Editing text={asked ?? asMemory(message.content ?? "")} {...keeping} />;
  return (
    <>
      {kept.value && <Told class="hint" text={t("memories.kept")} />}
      {offers && memories.value && !memories.value.data.some((one) => one.text === asked) && (
        <Offer text={asked} {...keeping} />
      )}
      <button type="button" class="quiet copy" onClick={() => (open.value = true)}>
        {t("memories.this")}
      </button>
    </>
  );
}

export default function Remembered({ message, api }: { message: Message; api?: Api }) {
  if (api) return <OfQuestion message={message} api={api} />;
  return (
    <p class="state">
      <PlaceLink to={{ area: "prefs", id: null }} current={false}>
        {t("memories.given", { n: message.memories ?? 0 })}
      </PlaceLink>
    </p>
  );
}
