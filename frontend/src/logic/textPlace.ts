/** A place in a document's text, as an address has it: `doc_1/0/980`. Pure. */

/** `start`, `end`: characters of its text; `page`: 0 where nobody knows, or there are none. */
export interface TextPlace {
  readonly document_id: string;
  readonly start: number;
  readonly end: number;
  readonly page: number;
}

export const textOfPlace = ({ document_id, start, end, page }: TextPlace): string => [document_id, start, end, page].join("/");

/** null: it names none. */
export function readPlace(text: string | null): TextPlace | null {
  const found = /^([^/]+)\/(\d{1,7})\/(\d{1,7})\/(\d{1,7})$/.exec(text ?? "");
  return found && { document_id: found[1]!, start: Number(found[2]), end: Number(found[3]), page: Number(found[4]) };
}
