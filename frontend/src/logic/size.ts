/** How much of the model's context a text takes. Pure. */

const BYTES_PER_TOKEN = 3.5; // Portuguese and English prose measure 3 to 4.5 with Mistral's tokenizer
const WORTH_SAYING = 0.5; // of the context: nobody who writes a line wants a counter

export interface Size {
  tokens: number;
  most: number;
  /** It will hardly fit, with an answer. */
  tooLong: boolean;
}

/** null: nothing to say. `most`: the context's tokens. */
export function sizeOf(text: string, most: number | null): Size | null {
  if (most === null || text.length < most * WORTH_SAYING) return null; // no text has more tokens than characters
  const tokens = Math.ceil(new TextEncoder().encode(text).length / BYTES_PER_TOKEN);
  return tokens < most * WORTH_SAYING ? null : { tokens, most, tooLong: tokens >= most };
}

/** The demonstration's model is a toy: what it says makes no sense, and people should know. */
export function isToy(model: string | undefined): boolean {
  return model !== undefined && /smollm|135m/i.test(model);
}
