/** The page's one sound: two soft notes, a third of a second. */

const NOTES = [659.3, 880]; // Hz: E5, A5
const EACH_S = 0.16;
const LOUDEST = 0.05; // of full scale

let context: AudioContext | undefined;

/** Where the browser lets nobody be heard, nothing happens. */
export function play(): void {
  try {
    context ??= new AudioContext();
    void context.resume();
    const begin = context.currentTime + 0.01;
    NOTES.forEach((pitch, n) => {
      const [tone, volume] = [context!.createOscillator(), context!.createGain()];
      const at = begin + n * EACH_S;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(LOUDEST, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + EACH_S);
      tone.connect(volume).connect(context!.destination);
      tone.start(at);
      tone.stop(at + EACH_S);
    });
  } catch {
    // No sound is no trouble.
  }
}
