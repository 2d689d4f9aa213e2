/**
 * The messages of the open conversation, in pieces: only a piece that has changed is drawn anew, and an answer in work
 * draws its own words. A piece far from what is read is not laid out (content-visibility), but is found and read aloud;
 * its messages stand there as they were written (near.ts).
 */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ChatActions } from "../actions/chats";
import { chunked, type Chunk } from "../logic/chunks";
import { roughHeight } from "../logic/height";
import { isFinalMessage, questionOf, textOf } from "../logic/chat";
import { busy, chat, messages } from "../state";
import type { BackendChoice, Message } from "../types";
import { Asked } from "./Asked";
import { Answer } from "./Bubbles";
import { useNear } from "./near";
import { still } from "./still";
import { Words } from "./Words";

/** The words of an answer: with each of them nothing else of it is drawn anew. */
function Spoken({ message }: { message: Message }) {
  const done = isFinalMessage(message);
  return <Words text={done ? message.content : textOf(chat.value, message)} done={done} />;
}

function Answered({ message, near, actions }: { message: Message; near: boolean; actions: ChatActions }) {
  const withQuestion = (act: (question: string) => void) => () => {
    const question = questionOf(chat.peek(), message)?.content;
    if (question) act(question);
  };
  const rewrite = withQuestion((question) => {
    actions.rewrite(question);
    document.getElementById("message")?.focus();
  });
  // Images stand in one place: asked again there.
  const shows = questionOf(chat.peek(), message)?.images;
  const askAgain = shows ? () => void actions.regenerate(message) : withQuestion((question) => void actions.ask(question));
  return (
    <Answer
      message={message}
      api={actions.api}
      near={near}
      words={near ? <Spoken message={message} /> : message.content}
      stop={() => void actions.stop(message)}
      regenerate={(backend?: BackendChoice) => void actions.regenerate(message, backend)}
      rewrite={rewrite}
      askAgain={message.status === "failed" && busy.value ? undefined : askAgain}
    />
  );
}

const WIDEST_PX = 736;
const NARROW_PX = 720;

/** Its place is kept from the beginning, roughly until it was seen: what is skipped later would be made anew for that. */
function place(messages: readonly Message[]): string {
  const width = innerWidth > NARROW_PX ? Math.min(WIDEST_PX, innerWidth / 2) : innerWidth;
  return `auto ${Math.round(roughHeight(messages.map((one) => one.content ?? ""), width))}px`;
}

function Piece({ messages, isLast, actions }: { messages: readonly Message[]; isLast: boolean; actions: ChatActions }) {
  const box = useRef<HTMLDivElement>(null);
  const isNear = useNear(box, messages, isLast);
  useLayoutEffect(() => void (box.current!.style.containIntrinsicBlockSize = place(messages)), []);
  return (
    <div class="piece" ref={box}>
      {messages.map((message) =>
        message.role === "user" ? (
          <OneAsked key={message.id} question={message} near={isNear(message)} actions={actions} />
        ) : (
          <OneAnswered key={message.id} message={message} near={isNear(message)} actions={actions} />
        ),
      )}
    </div>
  );
}

const [OnePiece, OneAsked, OneAnswered] = [still(Piece), still(Asked), still(Answered)];

export function Thread({ actions }: { actions: ChatActions }) {
  const chunks = useRef<readonly Chunk[]>([]);
  chunks.current = chunked(chunks.current, messages.value);
  return (
    <div class="pieces">
      {chunks.current.map((chunk, i, all) => (
        <OnePiece key={chunk.key} messages={chunk.messages} isLast={i === all.length - 1} actions={actions} />
      ))}
    </div>
  );
}
