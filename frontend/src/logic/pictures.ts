/** Images that are to go with a message: what is taken, and how a large one is made smaller. */

export const MOST_PICTURES = 4;
/** Of the API; a larger one is drawn anew here, smaller. */
const MOST_BYTES = 3_500_000;
/** More than the model looks at costs and shows nothing. */
const LONGEST_SIDE = 1_600;
const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];
export const ACCEPTED = KINDS.join(",");

/** `id`: the file's, once the server has it. `url`: of its preview, where it was chosen here. `trouble`: why it is not taken. */
export interface Picture {
  readonly key: string;
  readonly name: string;
  readonly url?: string;
  readonly id?: string;
  readonly trouble?: string;
}

export const isPicture = (file: File): boolean => file.type.startsWith("image/");
/** Whether a message may go: none is still on its way. */
export const allThere = (mine: readonly Picture[]): boolean => mine.every((one) => one.id || one.trouble);
export const idsOf = (mine: readonly Picture[]): string[] => mine.flatMap((one) => (one.id ? [one.id] : []));

/** The sides of a picture that fits, in its own proportion. */
export function fitted(width: number, height: number, longest = LONGEST_SIDE): [number, number] {
  const by = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * by)), Math.max(1, Math.round(height * by))];
}

/** The file as it is sent: itself, or a smaller one of it. What this browser cannot draw goes as it is: the server says why not. */
export async function prepared(file: File): Promise<Blob> {
  try {
    const drawn = await createImageBitmap(file);
    const [width, height] = fitted(drawn.width, drawn.height);
    if (KINDS.includes(file.type) && file.size <= MOST_BYTES && width === drawn.width) return file;
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")!.drawImage(drawn, 0, 0, width, height);
    drawn.close();
    return await canvas.convertToBlob({ type: file.type === "image/png" ? "image/png" : "image/jpeg", quality: 0.9 });
  } catch {
    return file;
  }
}
