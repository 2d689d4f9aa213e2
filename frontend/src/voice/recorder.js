/** Runs beside the page, where a microphone's samples come (AudioWorklet): hands them over in pieces, and what is left when
 * it is asked for that. */
const PIECE = 2_048; // samples: some twenty pieces a second

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(PIECE);
    this.filled = 0;
    this.isOver = false;
    this.port.onmessage = () => {
      this.isOver = true;
      this.port.postMessage(this.piece.slice(0, this.filled));
      this.port.postMessage(null);
    };
  }

  process([[samples] = []]) {
    if (this.isOver) return false;
    for (const sample of samples ?? []) {
      this.piece[this.filled++] = sample;
      if (this.filled < PIECE) continue;
      this.port.postMessage(this.piece);
      this.piece = new Float32Array(PIECE);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
