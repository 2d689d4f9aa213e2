/** A block of code: its language, a button that copies it, and colours once they are loaded. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t, type Key } from "../i18n";
import type { Piece } from "../logic/highlight";
import { Grown } from "./Grown";

const LONGEST = 20_000; // characters: more is shown without colours
const COPIED_MS = 2_000;

export function Copy({ text, words = "chat.copy" }: { text: string; words?: Key }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
    setTimeout(() => (copied.value = false), COPIED_MS);
  };
  return (
    <button type="button" class="quiet copy" onClick={() => void copy()}>
      {t(copied.value ? "chat.copied" : words)}
    </button>
  );
}

export function Code({ text, info, done }: { text: string; info: string; done: boolean }) {
  const coloured = useSignal<{ text: string; pieces: Piece[] } | null>(null);
  const language = info.split(/[\s{,]/, 1)[0]!.toLowerCase();
  useEffect(() => {
    if (!done || !language || text.length > LONGEST) return;
    void import("../logic/highlight").then(({ pieces }) => {
      const found = pieces(text, language);
      if (found) coloured.value = { text, pieces: found };
    });
  }, [text, language, done]);
  const colours = coloured.value?.text === text ? coloured.value.pieces : null;
  const draw = () => colours?.map((piece, i) => (piece.kind ? <span key={i} class={piece.kind}>{piece.text}</span> : piece.text)) ?? text;
  return (
    <div class="code">
      <div class="code-head">
        <span class="code-info">{info}</span>
        <Copy text={text} words="chat.copy.code" />
      </div>
      {text && (
        <pre tabIndex={0}>
          <Grown as="code" before={colours ? text : ""} tail={colours ? "" : text} draw={draw} />
        </pre>
      )}
    </div>
  );
}
