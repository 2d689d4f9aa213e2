/** Where a file comes in: dropped, or picked with the keyboard's or the mouse's own button. */
import { useEffect } from "preact/hooks";
import { notify } from "../actions/notices";
import { language, t } from "../i18n";
import { MOST_BYTES, MOST_LINES } from "../logic/batchLimits";
import { saveAs } from "../logic/download";
import { bytes, number } from "../logic/format";
import { models } from "../state";
import { DropArea } from "./DropArea";

/** Without this a file that misses the box would replace the page. */
export function useNoStrayDrop(): void {
  useEffect(() => {
    const refuse = (event: DragEvent) => event.preventDefault();
    window.addEventListener("dragover", refuse);
    window.addEventListener("drop", refuse);
    return () => {
      window.removeEventListener("dragover", refuse);
      window.removeEventListener("drop", refuse);
    };
  }, []);
}

export function FileButton({ onFile, label }: { onFile: (file: File) => void; label: string }) {
  return (
    <label class="pick">
      <input
        type="file"
        class="spoken"
        accept=".jsonl,.ndjson,.json,.csv,.tsv,.txt,application/jsonl,application/x-ndjson,text/csv,text/plain"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = ""; // so that the same file, corrected, can be chosen again
          if (file) onFile(file);
        }}
      />
      <span>{label}</span>
    </label>
  );
}

function example(model: string): string {
  const line = (id: string, content: string) =>
    JSON.stringify({
      custom_id: id,
      method: "POST",
      url: "/v1/chat/completions",
      body: { model, messages: [{ role: "user", content }], max_tokens: 200 },
    });
  return `${line("1", t("batch.format.q1"))}\n${line("2", t("batch.format.q2"))}\n`;
}

export function Format() {
  const model = models.value[0]; // an example with another name would be refused: none is offered until it is known
  return (
    <details class="format">
      <summary>{t("batch.format")}</summary>
      <p>{t("batch.format.text")}</p>
      <pre tabIndex={0}>
        <code>{example(model ?? "…")}</code>
      </pre>
      <button
        type="button"
        disabled={!model}
        onClick={() => model && saveAs(new Blob([example(model)]), "foreverus.jsonl")}
      >
        {t("batch.format.example")}
      </button>
    </details>
  );
}

export function DropZone({ onFile }: { onFile: (file: File) => void }) {
  return (
    <DropArea
      onFiles={(files) => {
        if (files.length === 1) onFile(files[0]!);
        else if (files.length > 1) notify(t("batch.drop.one"));
      }}
    >
      <p class="drop-title">{t("batch.drop")}</p>
      <p class="hint">{t("batch.drop.or")}</p>
      <FileButton onFile={onFile} label={t("batch.pick")} />
      <p class="hint">
        {t("batch.drop.limits", {
          lines: number(MOST_LINES, language.value),
          bytes: bytes(MOST_BYTES, language.value),
        })}
      </p>
    </DropArea>
  );
}
