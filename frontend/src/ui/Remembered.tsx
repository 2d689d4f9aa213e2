/** Of a question: it can be remembered in all conversations, which is offered where it says so, and, to whom that is
 * switched on for, where the newest one says something about them. Of an answer: how many memories it was given. Nothing
 * is ever kept without a click. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { memoryActions, type MemoryActions } from "../actions/memories";
import type { Api } from "../api";
import { t } from "../i18n";
import { asMemory, askedToRemember, MEMORY_CHARACTERS } from "../logic/remember";
import { me } from "../personal";
import { memories, offered } from "../remembered";
import { messages } from "../state";
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
  useLayoutEffect(() => box.current?.focus(), []);
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

function Offer({ change, ...props }: KeepProps & { change: () => void }) {
  const { busy, trouble, keep } = useKeeping(props);
  return (
    <div class="editing" role="group" aria-label={t("memories.this")}>
      <Told text={t("memories.offer", { text: props.text })} />
      <div>
        <button type="button" class="primary" disabled={busy.value} onClick={() => void keep(props.text)}>
          {t("memories.yes")}
        </button>{" "}
        <button type="button" class="quiet" onClick={change}>
          {t("memories.otherwise")}
        </button>{" "}
        <button type="button" class="quiet" onClick={props.close}>
          {t("memories.no")}
        </button>
      </div>
      {trouble.value && <p role="alert" class="trouble">{trouble.value}</p>}
    </div>
  );
}

const suggesting = () => import("../actions/suggestions");

/** What the conversation's newest question says about its person; null: nothing, or nobody wants to be asked. */
function useSuggestion(question: Message): string | null {
  const text = useSignal<string | null>(null);
  const isNewest = useComputed(() => messages.value.findLast((one) => one.role === "user")?.id === question.id);
  const person = me.value?.suggest_memories && isNewest.value ? me.value.id : "";
  useEffect(() => {
    let isHere = true;
    text.value = null;
    const found = person ? suggesting().then((made) => made.suggestionIn(person, question.content ?? "")) : null;
    found?.then((one) => isHere && (text.value = one), () => undefined); // without its rules nothing is offered
    return () => void (isHere = false);
  }, [person, question.content]);
  return text.value;
}

function OfQuestion({ message, api }: { message: Message; api: Api }) {
  const actions = useMemo(() => memoryActions(api), [api]);
  const asked = useMemo(() => askedToRemember(message.content ?? ""), [message.content]);
  const suggested = useSuggestion(message);
  const said = asked ?? suggested;
  const open = useSignal(false);
  const kept = useSignal(false);
  const offers = said !== null && !offered.value.has(message.id);
  useEffect(() => {
    if (offers && !memories.peek()) void actions.refresh(); // it may be remembered already
  }, [offers]);
  const close = () => (open.value = false);
  const settle = () => {
    actions.decline(message.id);
    if (suggested && me.value) void suggesting().then((made) => made.settle(me.value!.id, suggested));
  };
  const done = () => {
    close();
    kept.value = true;
    settle();
  };
  const keeping = { question: message, actions, close, done };
  if (open.value) return <Editing text={said ?? asMemory(message.content ?? "")} {...keeping} />;
  return (
    <>
      {kept.value && <Told class="hint" text={t("memories.kept")} />}
      {offers && memories.value && !memories.value.data.some((one) => one.text === said) && (
        <Offer text={said} {...keeping} close={settle} change={() => (open.value = true)} />
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
