/** A microphone's samples. MediaRecorder would make WebM in one browser and MP4 in another; the API takes no WebM, and a WAV
 * file everywhere (docs/decisions/0057). */
import { Downsampler } from "../logic/wav";
import address from "./recorder.js?url";

const LAST_MS = 500; // of what is left when it is closed: a context that has died says nothing

export class Microphone {
  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
    private readonly slower: Downsampler,
    private readonly onSamples: (samples: Float32Array) => void,
  ) {}

  /** `onSamples`: at HERTZ. `onGone`: it was unplugged, or taken away. Rejects with a DOMException that says why not. */
  static async open(onSamples: (samples: Float32Array) => void, onGone: () => void): Promise<Microphone> {
    if (!("mediaDevices" in navigator)) throw new DOMException("no microphone here", "NotFoundError");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } });
    const context = new AudioContext();
    try {
      void context.resume();
      await context.audioWorklet.addModule(address);
      const node = new AudioWorkletNode(context, "recorder");
      const slower = new Downsampler(context.sampleRate);
      node.port.onmessage = ({ data }: MessageEvent<Float32Array | null>) => data && onSamples(slower.feed(data));
      context.createMediaStreamSource(stream).connect(node).connect(context.destination); // whose output is silence
      stream.getAudioTracks()[0]?.addEventListener("ended", onGone);
      return new Microphone(stream, context, node, slower, onSamples);
    } catch (error) {
      stop(stream);
      void context.close();
      throw error;
    }
  }

  /** Hands over what is left, and lets go of the microphone. */
  async close(): Promise<void> {
    await new Promise<void>((done) => {
      setTimeout(done, LAST_MS);
      this.node.port.onmessage = ({ data }: MessageEvent<Float32Array | null>) => (data ? this.onSamples(this.slower.feed(data)) : done());
      this.node.port.postMessage("end");
    });
    this.onSamples(this.slower.end());
    this.drop();
  }

  /** Lets go of it at once. */
  drop(): void {
    this.node.port.onmessage = null;
    stop(this.stream);
    if (this.context.state !== "closed") void this.context.close();
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
