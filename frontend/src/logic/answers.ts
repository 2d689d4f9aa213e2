/**
 * Puts an answer together from what arrives in any order: deltas, partial texts from GET, the final message.
 *
 * Offsets count Unicode code points, while a JavaScript string counts UTF-16 units, so the count is kept beside the
 * text. The rules are those of docs/architecture.md, "Catching up".
 */
export interface Piece {
  offset: number;
  text: string;
}

export interface Assembled {
  text: string;
  /** Code points in `text`. */
  points: number;
  /** Deltas that lie behind a gap, by offset. */
  ahead: readonly Piece[];
}

export const EMPTY: Assembled = { text: "", points: 0, ahead: [] };

export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** `text` without its first `count` code points. */
export function dropPoints(text: string, count: number): string {
  let units = 0;
  for (const char of text) {
    if (count-- <= 0) break;
    units += char.length;
  }
  return text.slice(units);
}

function takePoints(text: string, count: number): string {
  return text.slice(0, text.length - dropPoints(text, count).length);
}

function apply(state: Assembled, piece: Piece): Assembled {
  const { text, points } = state;
  if (piece.offset === points) {
    return { ...state, text: text + piece.text, points: points + codePoints(piece.text) };
  }
  // An overlap. What we have is kept where both agree; where they differ, a later worker has begun again from an
  // earlier checkpoint and says something else: its text is the answer's.
  const known = dropPoints(text, piece.offset);
  if (known.startsWith(piece.text)) return state;
  const kept = piece.text.startsWith(known) ? text : takePoints(text, piece.offset);
  const added = piece.text.startsWith(known) ? piece.text.slice(known.length) : piece.text;
  const whole = kept + added;
  return { ...state, text: whole, points: codePoints(whole) };
}

function drain(state: Assembled): Assembled {
  let now = state;
  for (;;) {
    const index = now.ahead.findIndex((piece) => piece.offset <= now.points);
    if (index < 0) return now;
    const piece = now.ahead[index]!;
    now = apply({ ...now, ahead: now.ahead.filter((_, i) => i !== index) }, piece);
  }
}

/** A delta arrived. `hasGap(result)` says whether a GET is needed. */
export function addDelta(state: Assembled, piece: Piece): Assembled {
  if (piece.offset > state.points) {
    const ahead = [...state.ahead, piece].sort((a, b) => a.offset - b.offset);
    return { ...state, ahead };
  }
  return drain(apply(state, piece));
}

/** A partial text came from GET. It may lag behind the deltas that we already have. */
export function addSnapshot(state: Assembled, text: string): Assembled {
  if (state.text.startsWith(text)) return drain(state);
  return drain({ ...state, text, points: codePoints(text) });
}

export function hasGap(state: Assembled): boolean {
  return state.ahead.length > 0;
}
