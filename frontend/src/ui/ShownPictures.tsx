/** The images of a question: small in the thread, large when one is opened. */
import "../pictures.css";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Api } from "../api";
import { t } from "../i18n";
import type { Message } from "../types";

type Shown = NonNullable<Message["images"]>[number];
/** What was looked at stays for as long as the page is open: the addresses in it are this page's own. */
const seen = new Map<string, Promise<string>>();

function look(id: string, api: Api): Promise<string> {
  let found = seen.get(id);
  if (!found) {
    found = api.image(id).then((data) => URL.createObjectURL(data));
    found.catch(() => seen.delete(id));
    seen.set(id, found);
  }
  return found;
}

function One({ image, n, of, api }: { image: Shown; n: number; of: number; api: Api }) {
  const url = useSignal("");
  const gone = useSignal(false);
  const large = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    look(image.file_id, api).then((found) => (url.value = found), () => (gone.value = true));
  }, [image.file_id]);
  const name = t("pictures.one", { n, of });
  if (gone.value) return <p class="hint">{t("pictures.gone")}</p>;
  return (
    <>
      <button type="button" class="picture" aria-label={t("pictures.open", { n, of })} aria-haspopup="dialog" disabled={!url.value} onClick={() => large.current!.showModal()}>
        {url.value ? <img src={url.value} alt="" width={image.width} height={image.height} /> : <span class="dots" aria-hidden="true" />}
      </button>
      <dialog
        class="picture-large"
        ref={large}
        aria-label={name}
        onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
      >
        {url.value && <img src={url.value} alt={name} />}
        <form method="dialog">
          <button>{t("pictures.close")}</button>
        </form>
      </dialog>
    </>
  );
}

export default function ShownPictures({ images, api }: { images: readonly Shown[]; api: Api }) {
  return (
    <div class="pictures-shown" role="group" aria-label={t("pictures.shown", { n: images.length })}>
      {images.map((image, at) => (
        <One key={image.file_id} image={image} n={at + 1} of={images.length} api={api} />
      ))}
    </div>
  );
}
