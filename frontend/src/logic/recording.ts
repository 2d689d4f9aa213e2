/**
 * What somebody says, as it is recorded: in parts that the API takes (4 MB, two minutes of a WAV file), each cut where it
 * is quietest, so that no word is in two. Pure.
 */
import { HERTZ } from "./wav";

export const LONGEST_S = 600;
export const PART_S = 110;
/** In the end of a part of which a quiet place is looked for. */
const SEARCHED_S = 15;
const WINDOW = HERTZ / 10;
/** The loudest tenth of a second of a part in which nobody speaks, of full scale: a muted microphone, an empty room. */
const SILENT = 0.004;

/** How loud samples are, of full scale. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const one of samples) sum += one * one;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}

/** What a meter shows of that: ears hear by the logarithm. 0 to 1, of -60 to -10 dB. */
export function shownLevel(loud: number): number {
  return loud <= 0 ? 0 : Math.max(0, Math.min(1, (20 * Math.log10(loud) + 60) / 50));
}

function loudest(samples: Float32Array): number {
  let most = 0;
  for (let at = 0; at < samples.length; at += WINDOW) most = Math.max(most, loudness(samples.subarray(at, at + WINDOW)));
  return most;
}

/** Where to cut, in samples: the middle of the quietest tenth of a second in the last seconds. */
function quietPlace(samples: Float32Array): number {
  let [place, least] = [samples.length, Infinity];
  for (let at = Math.max(0, samples.length - SEARCHED_S * HERTZ); at + WINDOW <= samples.length; at += WINDOW / 2) {
    const loud = loudness(samples.subarray(at, at + WINDOW));
    if (loud < least) [place, least] = [at + WINDOW / 2, loud];
  }
  return place;
}

export class Recording {
  private pieces: Float32Array[] = [];
  private waiting = 0; // samples in them
  private count = 0;

  /** Until now, of all parts. */
  get seconds(): number {
    return this.count / HERTZ;
  }

  get isFull(): boolean {
    return this.seconds >= LONGEST_S;
  }

  /** A part that is full, and has a voice in it. What comes after the longest time is not taken. */
  add(heard: Float32Array): Float32Array | null {
    const samples = heard.subarray(0, LONGEST_S * HERTZ - this.count);
    this.pieces.push(samples);
    this.waiting += samples.length;
    this.count += samples.length;
    if (this.waiting < PART_S * HERTZ) return null;
    const all = this.joined();
    const at = quietPlace(all);
    this.keep([all.slice(at)]);
    return spoken(all.slice(0, at));
  }

  /** What is left; null: nobody speaks in it. */
  end(): Float32Array | null {
    const all = this.joined();
    this.keep([]);
    return spoken(all);
  }

  private keep(pieces: Float32Array[]): void {
    this.pieces = pieces;
    this.waiting = pieces.reduce((sum, one) => sum + one.length, 0);
  }

  private joined(): Float32Array {
    const all = new Float32Array(this.waiting);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

function spoken(samples: Float32Array): Float32Array | null {
  return loudest(samples) > SILENT ? samples : null;
}
