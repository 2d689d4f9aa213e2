/** A response as a file on this machine. */
import { ticks } from "./clock";

const TELL_MS = 100;
const KEEP_MS = 60_000; // a browser may begin to save a moment after the click

/** The whole body; large ones are kept on disk by the browser. `onBytes`: how much has come, a few times a second. */
export function received(response: Response, onBytes: (bytes: number) => void): Promise<Blob> {
  if (!response.body) return response.blob();
  let bytes = 0;
  let told = -Infinity;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, out) {
      bytes += chunk.length;
      out.enqueue(chunk);
      if (ticks() - told > TELL_MS) {
        told = ticks();
        onBytes(bytes);
      }
    },
  });
  return new Response(response.body.pipeThrough(count as ReadableWritablePair<Uint8Array<ArrayBuffer>>)).blob();
}

export function saveAs(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
}
