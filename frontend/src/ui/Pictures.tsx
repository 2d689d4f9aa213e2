/** Images beside the words that are typed: chosen, taken with the camera, pasted or dropped; up to four. */
import "../pictures.css";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Api } from "../api";
import { explain } from "../actions/notices";
import { t } from "../i18n";
import { ACCEPTED, isPicture, MOST_PICTURES, prepared, type Picture } from "../logic/pictures";
import { draftKey, pictures } from "../state";
import { Told } from "./Said";

const NONE: readonly Picture[] = [];
const PICTURE = "M4 5h16v14H4Zm0 11 5-5 4 4 2-2 5 5M15.5 9h.01";
const CAMERA = "M4 8h4l2-3h4l2 3h4v11H4Zm8 8.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z";

function put(key: string, change: (mine: readonly Picture[]) => readonly Picture[]): void {
  pictures.value = { ...pictures.value, [key]: change(pictures.value[key] ?? NONE) };
}

function drop(key: string, one: Picture, api: Api): void {
  if (one.url) URL.revokeObjectURL(one.url);
  if (one.id) void api.deleteFile(one.id).catch(() => undefined); // it goes by itself after a day
  put(key, (mine) => mine.filter((other) => other.key !== one.key));
}

async function send(key: string, file: File, api: Api): Promise<void> {
  const one: Picture = { key: crypto.randomUUID(), name: file.name || t("pictures.unnamed"), url: URL.createObjectURL(file) };
  put(key, (mine) => [...mine, one]);
  const become = (more: Partial<Picture>) =>
    put(key, (mine) => mine.map((other) => (other.key === one.key ? { ...other, ...more } : other)));
  try {
    become({ id: (await api.uploadImage(await prepared(file), one.name)).id });
  } catch (error) {
    become({ trouble: explain(error) });
  }
}

export default function Pictures({ api }: { api: Api }) {
  const key = draftKey.value;
  const mine = pictures.value[key] ?? NONE;
  const room = useRef<HTMLDivElement>(null);
  const said = useSignal("");
  const over = useSignal(false);

  const take = (files: Iterable<File>) => {
    const all = [...files];
    const wanted = all.filter(isPicture);
    const left = MOST_PICTURES - (pictures.value[draftKey.value]?.length ?? 0);
    said.value = wanted.length < all.length ? t("pictures.none") : wanted.length > left ? t("pictures.most", { n: MOST_PICTURES }) : "";
    for (const file of wanted.slice(0, Math.max(0, left))) void send(draftKey.value, file, api);
  };

  useEffect(() => {
    const chat = room.current!.closest<HTMLElement>(".chat")!;
    const has = (data: DataTransfer | null) => [...(data?.types ?? [])].includes("Files");
    const on: readonly (readonly [keyof HTMLElementEventMap, (event: Event) => void])[] = [
      ["paste", (event) => {
        const files = [...((event as ClipboardEvent).clipboardData?.files ?? [])];
        if (!files.some(isPicture)) return;
        event.preventDefault();
        take(files);
      }],
      ["dragover", (event) => {
        if (!has((event as DragEvent).dataTransfer)) return;
        event.preventDefault();
        over.value = true;
      }],
      ["dragleave", () => (over.value = false)],
      ["drop", (event) => {
        over.value = false;
        const data = (event as DragEvent).dataTransfer;
        if (!has(data)) return;
        event.preventDefault();
        take(data!.files);
      }],
    ];
    for (const [name, hear] of on) chat.addEventListener(name, hear);
    return () => on.forEach(([name, hear]) => chat.removeEventListener(name, hear));
  }, []);

  const picker = (label: string, capture = false) => (
    <label class="pick picture-pick">
      <input
        type="file"
        class="spoken"
        multiple={!capture}
        accept={capture ? "image/*" : ACCEPTED}
        {...(capture ? { capture: "environment" as const } : {})}
        disabled={mine.length >= MOST_PICTURES}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          take(files);
        }}
      />
      <span>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d={capture ? CAMERA : PICTURE} />
        </svg>
        {label}
      </span>
    </label>
  );

  return (
    <div class={mine.length > 0 ? "pictures" : "pictures pictures-none"} ref={room} data-over={over.value}>
      {mine.length > 0 && (
        <ul aria-label={t("pictures.list")}>
          {mine.map((one, at) => (
            <li key={one.key} class={one.trouble ? "picture-no" : ""} aria-busy={!one.id && !one.trouble}>
              {one.url && <img src={one.url} alt={one.name} />}
              {!one.id && !one.trouble && <progress aria-label={t("pictures.sending", { name: one.name })} />}
              {one.trouble && <p class="trouble" role="alert">{t("pictures.refused", { name: one.name, reason: one.trouble })}</p>}
              <button type="button" class="quiet" aria-label={t("pictures.remove", { n: at + 1 })} onClick={() => drop(key, one, api)}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="picture-picks">
        {picker(t("pictures.add"))}
        {matchMedia("(pointer: coarse)").matches && picker(t("pictures.camera"), true)}
        {over.value && <span class="hint">{t("pictures.drop")}</span>}
      </div>
      <Told class="hint" text={said.value} />
    </div>
  );
}
