/**
 * The WebSocket: stays connected, and says when it must be caught up with.
 *
 * Every (re)connection subscribes again to everything wanted; `onSubscribed` then fetches by REST what was missed.
 * Who is quiet for 50 s gets nothing until the server has looked at their credentials again, which a ping asks for; the
 * server asks for one itself when it has something. docs/costs.md has what the pings cost. API Gateway closes a connection after two hours in any case.
 */
import { backoffMs } from "./logic/backoff";
import { ticks } from "./logic/clock";
import type { SocketState } from "./logic/line";
import type { ServerFrame } from "./frames";

// A line that died in silence is noticed within 20 s: quiet for so long it is asked, and has so long to answer.
export const QUIET_MS = 12_000;
export const PONG_MS = 7_000; // a function that starts cold behind a slow line
export const OPEN_MS = 10_000; // as long may a line take to open
// While nobody looks, pings only keep up what is awaited (under the 50 s), or the connection (under API Gateway's ten minutes).
export const AWAITED_MS = 40_000;
export const UNSEEN_MS = 240_000;
export const BEAT_MS = 1_000;
export const AGAIN_MS = 2_000; // as the server says with try_again
const STABLE_MS = 10_000; // a connection that lived this long starts the backoff again

/** What the person has of the line just now: looks at it, waits for something behind another tab, or neither. */
export type Attention = "seen" | "awaited" | "unseen";

/** Whether to ping: `quietMs` since anything came, `askedMs` since the last ping. Nobody waits for a word while words
 * come, but credentials are looked at again at pings alone. */
export function isPingDue(attention: Attention, quietMs: number, askedMs: number): boolean {
  if (attention === "unseen") return askedMs >= UNSEEN_MS;
  return askedMs >= AWAITED_MS || (attention === "seen" && Math.min(quietMs, askedMs) >= QUIET_MS);
}

export type Topic = `session:${string}` | `conversation:${string}` | "list:conversations";
export type LiveState = SocketState;

/** The part of WebSocket that is used, so that tests can bring their own. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(data: string): void;
  close(): void;
}

export interface LiveOptions {
  /** The full address with a ticket, which opens one connection: asked again for each. */
  address: () => Promise<string>;
  onFrame: (frame: ServerFrame) => void;
  onSubscribed: (topic: Topic) => void;
  onState: (state: LiveState) => void;
  /** Anything came: the line is alive. */
  onHeard?: () => void;
  /** Asked each second. */
  attention?: () => Attention;
  open?: (address: string) => Socket;
  random?: () => number;
}

export interface Live {
  want(topics: readonly Topic[]): void;
  /** Tries now instead of after the backoff: the network came back, or the person did. */
  nudge(): void;
  close(): void;
}

function body(topic: Topic): Record<string, string> {
  const [kind, id] = [topic.slice(0, topic.indexOf(":")), topic.slice(topic.indexOf(":") + 1)];
  return kind === "list" ? { list: id } : kind === "session" ? { session_id: id } : { conversation_id: id };
}

function parse(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && "type" in frame ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}

export function connect(options: LiveOptions): Live {
  const open = options.open ?? ((address: string) => new WebSocket(address) as unknown as Socket);
  let wanted = new Set<Topic>();
  let socket: Socket | undefined;
  let isOpen = false;
  let closed = false;
  let missed = false; // something came while we were not to have it
  let failures = 0;
  let starting = false;
  let heardAt = 0;
  let askedAt = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let beat: ReturnType<typeof setInterval> | undefined;
  let opening: ReturnType<typeof setTimeout> | undefined;
  let pong: ReturnType<typeof setTimeout> | undefined;
  let stable: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;

  const send = (action: string, topic?: Topic) => {
    if (isOpen) socket?.send(JSON.stringify({ action, ...(topic ? body(topic) : {}) }));
  };

  const lost = (which: Socket | undefined) => {
    if (closed || which !== socket) return;
    socket = undefined;
    isOpen = missed = false;
    clearInterval(beat);
    for (const timer of [opening, pong, stable, again, retry]) clearTimeout(timer);
    options.onState("waiting");
    retry = setTimeout(start, backoffMs(failures++, options.random));
  };

  const giveUp = (which: Socket | undefined) => {
    which?.close(); // a dead network may never report the close itself
    lost(which);
  };

  const check = () => {
    send("ping");
    askedAt = ticks();
    clearTimeout(pong);
    const asked = socket;
    pong = setTimeout(() => giveUp(asked), PONG_MS);
  };

  const onBeat = () => {
    const now = ticks();
    if (isPingDue(options.attention?.() ?? "seen", now - heardAt, now - askedAt)) check();
  };

  /** Nobody could look at our credentials just now: what was asked for is not known to be so, and is asked for again. */
  const askAgain = () => {
    clearTimeout(again);
    again = setTimeout(() => {
      for (const topic of wanted) send("subscribe", topic);
      check();
    }, AGAIN_MS);
  };

  async function start(): Promise<void> {
    if (closed || socket || starting) return;
    starting = true;
    clearTimeout(retry);
    options.onState("connecting");
    let next: Socket;
    try {
      const address = await options.address();
      if (closed) return;
      next = open(address);
    } catch {
      lost(undefined);
      return;
    } finally {
      starting = false;
    }
    socket = next;
    opening = setTimeout(() => giveUp(next), OPEN_MS);
    next.onopen = () => {
      if (socket !== next) return;
      clearTimeout(opening);
      isOpen = true;
      heardAt = askedAt = ticks();
      options.onState("open");
      for (const topic of wanted) send("subscribe", topic);
      beat = setInterval(onBeat, BEAT_MS);
      stable = setTimeout(() => (failures = 0), STABLE_MS);
    };
    next.onclose = () => lost(next);
    next.onmessage = (event) => {
      if (socket !== next) return;
      heardAt = ticks();
      options.onHeard?.();
      const frame = parse(event.data);
      if (!frame) return;
      clearTimeout(pong); // any frame proves that the line is alive
      if (frame.type === "ping") {
        missed = true;
        check();
      } else if (frame.type === "pong") {
        if (missed) for (const topic of wanted) options.onSubscribed(topic);
        missed = false;
      } else if (frame.type === "error" && frame.error.code === "credential_ended") {
        next.close(); // a new ticket opens the next one, or says that the person must sign in again
        lost(next);
      } else if (frame.type === "error" && frame.error.code === "try_again") {
        askAgain();
      } else if (frame.type === "subscribed") {
        const topic: Topic | undefined = frame.session_id
          ? `session:${frame.session_id}`
          : frame.conversation_id
            ? `conversation:${frame.conversation_id}`
            : frame.list
              ? "list:conversations"
              : undefined;
        if (topic && wanted.has(topic)) options.onSubscribed(topic);
      } else {
        options.onFrame(frame);
      }
    };
  }

  void start();
  return {
    want(topics) {
      const next = new Set(topics);
      for (const topic of wanted) if (!next.has(topic)) send("unsubscribe", topic);
      for (const topic of next) if (!wanted.has(topic)) send("subscribe", topic);
      wanted = next;
    },
    nudge() {
      if (isOpen) check();
      else void start();
    },
    close() {
      closed = true;
      clearInterval(beat);
      for (const timer of [opening, pong, stable, again, retry]) clearTimeout(timer);
      socket?.close();
      options.onState("closed");
    },
  };
}
