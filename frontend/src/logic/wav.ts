/** Sound as the API takes it: 16,000 samples a second, 16 bits each, one channel, in a WAV file. Pure. */

export const HERTZ = 16_000;

/** Taps on either side of a sample, of a low-pass that lets through what 16,000 samples a second can hold. */
const REACH = 16; // in samples of the slower rate
/** Between two samples: so many places are told apart. */
const PHASES = 1_024;

/**
 * Samples of a microphone at HERTZ. What comes faster is passed through a low-pass first (a windowed sinc): else what is
 * above 8 kHz would be heard as something lower.
 */
export class Downsampler {
  private rest = new Float32Array(0);
  /** Where the next sample is, in samples of the microphone, from the beginning of the rest. */
  private at: number;
  private readonly step: number;
  private readonly reach: number;
  private readonly taps: Float32Array[] = [];

  constructor(hertz: number) {
    this.step = hertz / HERTZ;
    this.reach = Math.ceil(REACH * Math.max(1, this.step));
    this.rest = new Float32Array(this.reach); // silence before it
    this.at = this.reach;
  }

  feed(samples: Float32Array): Float32Array {
    if (this.step === 1) return samples;
    const all = new Float32Array(this.rest.length + samples.length);
    all.set(this.rest);
    all.set(samples, this.rest.length);
    const made: number[] = [];
    for (; this.at + this.reach + 1 < all.length; this.at += this.step) made.push(this.sample(all, this.at));
    const used = Math.max(0, Math.floor(this.at) - this.reach);
    this.rest = all.slice(used);
    this.at -= used;
    return Float32Array.from(made);
  }

  /** What is left when nothing more comes. */
  end(): Float32Array {
    return this.feed(new Float32Array(this.reach + 2));
  }

  private sample(all: Float32Array, at: number): number {
    const first = Math.floor(at) - this.reach;
    const taps = this.tapsOf(Math.round((at - Math.floor(at)) * PHASES));
    let sum = 0;
    for (let i = 0; i < taps.length; i++) sum += (all[first + i] ?? 0) * taps[i]!;
    return sum;
  }

  /** What each sample around one counts, which lies `phase` behind the middle. */
  private tapsOf(phase: number): Float32Array {
    const known = this.taps[phase];
    if (known) return known;
    const cut = Math.min(1, 1 / this.step); // of the microphone's own highest frequency
    const made = new Float32Array(2 * this.reach + 2).map((_, i) => {
      const x = i - this.reach - phase / PHASES;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * Math.min(this.reach + 1, Math.abs(x))) / (this.reach + 1));
      return (Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * cut * x) / (Math.PI * cut * x)) * window;
    });
    const weight = made.reduce((sum, one) => sum + one, 0);
    return (this.taps[phase] = made.map((one) => one / weight));
  }
}

const HEADER_BYTES = 44;

/** A WAV file of such samples. */
export function wavOf(samples: Float32Array): ArrayBuffer {
  const file = new ArrayBuffer(HEADER_BYTES + 2 * samples.length);
  const view = new DataView(file);
  const text = (at: number, said: string) => [...said].forEach((one, i) => view.setUint8(at + i, one.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, file.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of what follows
  view.setUint16(20, 1, true); // bare samples
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, HERTZ, true);
  view.setUint32(28, 2 * HERTZ, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((one, i) => view.setInt16(HEADER_BYTES + 2 * i, Math.round(Math.max(-1, Math.min(1, one)) * 32_767), true));
  return file;
}
