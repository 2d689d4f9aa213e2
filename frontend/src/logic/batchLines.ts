/**
 * A batch's input file as lines: bytes come in pieces of any size, lines go out one at a time. Never more than one line
 * is held, and of a line that is too long nothing: memory stays flat for 200 MB.
 */
export const LONGEST_LINE = 1024 * 1024; // bytes without the line break: docs/batches.md, "A line"
const LF = 10;
const CR = 13;
const BOM = [0xef, 0xbb, 0xbf];

export interface RawLine {
  /** From 1, as editors count; blank lines count too. */
  number: number;
  /** Without its line break, and the first one without a byte order mark; null: longer than LONGEST_LINE. */
  bytes: Uint8Array | null;
}

export class LineSplitter {
  private number = 0;
  private pieces: Uint8Array[] = [];
  private size = 0;

  /** The lines that end in this piece. */
  *push(piece: Uint8Array): Generator<RawLine> {
    let from = 0;
    for (;;) {
      const end = piece.indexOf(LF, from);
      if (end < 0) break;
      this.keep(piece.subarray(from, end));
      yield this.take();
      from = end + 1;
    }
    if (from < piece.length) this.keep(piece.slice(from)); // a copy: the piece itself may be large
  }

  /** What is left when the file is over: its last line, if that has no line break. */
  *end(): Generator<RawLine> {
    if (this.size > 0) yield this.take();
  }

  private keep(bytes: Uint8Array): void {
    this.size += bytes.length;
    if (this.size > LONGEST_LINE + BOM.length + 1) this.pieces = []; // + 1: its carriage return
    else this.pieces.push(bytes);
  }

  private take(): RawLine {
    const [pieces, size] = [this.pieces, this.size];
    this.pieces = [];
    this.size = 0;
    this.number += 1;
    if (size > LONGEST_LINE + BOM.length + 1) return { number: this.number, bytes: null };
    let bytes = pieces[0] ?? new Uint8Array();
    if (pieces.length > 1) {
      bytes = new Uint8Array(size);
      let at = 0;
      for (const piece of pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
    }
    if (this.number === 1 && BOM.every((byte, i) => bytes[i] === byte)) bytes = bytes.subarray(BOM.length);
    if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    return { number: this.number, bytes: bytes.length > LONGEST_LINE ? null : bytes };
  }
}
