import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  AGAIN_MS,
  AWAITED_MS,
  connect,
  isPingDue,
  OPEN_MS,
  PONG_MS,
  QUIET_MS,
  UNSEEN_MS,
  type Attention,
  type Live,
  type LiveOptions,
  type Socket,
} from "../src/live";

class Line implements Socket {
  onopen: Socket["onopen"] = null;
  onclose: Socket["onclose"] = null;
  onmessage: Socket["onmessage"] = null;
  sent: Record<string, string>[] = [];
  closed = false;
  constructor(readonly address: string) {}
  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.closed = true;
  }
  accept(): void {
    this.onopen?.(undefined as never);
  }
  drop(): void {
    this.onclose?.(undefined as never);
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }
}

let lines: Line[];
let live: Live;
const heard = { frames: [] as unknown[], topics: [] as string[], states: [] as string[] };
const last = () => lines.at(-1)!;
const settle = () => vi.advanceTimersByTimeAsync(0);

function begin(options: Partial<LiveOptions> = {}): void {
  live = connect({
    address: async () => `ws://x?ticket=${lines.length}`,
    onFrame: (frame) => heard.frames.push(frame),
    onSubscribed: (topic) => heard.topics.push(topic),
    onState: (state) => heard.states.push(state),
    open: (address) => {
      const line = new Line(address);
      lines.push(line);
      return line;
    },
    random: () => 1,
    ...options,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  for (const list of Object.values(heard)) list.length = 0;
});
afterEach(() => {
  live.close();
  vi.useRealTimers();
});

it("subscribes to what is wanted, and only to changes of it", async () => {
  begin();
  live.want(["list:conversations", "session:ses_1", "conversation:con_1"]);
  await settle();
  expect(last().sent).toEqual([]);
  last().accept();
  expect(last().sent).toEqual([
    { action: "subscribe", list: "conversations" },
    { action: "subscribe", session_id: "ses_1" },
    { action: "subscribe", conversation_id: "con_1" },
  ]);
  last().say({ type: "subscribed", list: "conversations" });
  expect(heard.topics).toEqual(["list:conversations"]);
  live.want(["list:conversations", "session:ses_1", "conversation:con_2"]);
  expect(last().sent.slice(3)).toEqual([
    { action: "unsubscribe", conversation_id: "con_1" },
    { action: "subscribe", conversation_id: "con_2" },
  ]);
});

it("asks to be caught up after every connection, with a fresh ticket", async () => {
  begin();
  live.want(["conversation:con_1"]);
  await settle();
  last().accept();
  last().say({ type: "subscribed", conversation_id: "con_1" });
  last().drop();
  await vi.advanceTimersByTimeAsync(500);
  last().accept();
  last().say({ type: "subscribed", conversation_id: "con_1" });
  expect(lines.map((line) => line.address)).toEqual(["ws://x?ticket=0", "ws://x?ticket=1"]);
  expect(last().sent).toEqual([{ action: "subscribe", conversation_id: "con_1" }]);
  expect(heard.topics).toEqual(["conversation:con_1", "conversation:con_1"]);
  expect(heard.states).toEqual(["connecting", "open", "waiting", "connecting", "open"]);
});

it("ignores a confirmation of what is no longer wanted, and what is not JSON", async () => {
  begin();
  await settle();
  last().accept();
  last().say({ type: "subscribed", conversation_id: "con_old" });
  last().say("{not json");
  last().say({ type: "delta", text: "a" });
  expect([heard.topics, heard.frames]).toEqual([[], [{ type: "delta", text: "a" }]]);
});

it("waits longer after each failure and begins again after a stable connection", async () => {
  begin();
  await settle();
  for (const wait of [500, 1000, 2000]) {
    last().drop();
    const before = lines.length;
    await vi.advanceTimersByTimeAsync(wait - 1);
    expect(lines.length).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(lines.length).toBe(before + 1);
  }
  last().accept();
  await vi.advanceTimersByTimeAsync(10_000);
  last().drop();
  await vi.advanceTimersByTimeAsync(500);
  expect(lines.length).toBe(5);
});

it("answers the server's ping and catches up with all that it wants", async () => {
  begin();
  live.want(["conversation:con_1", "session:ses_1"]);
  await settle();
  last().accept();
  last().say({ type: "pong" });
  expect(heard.topics).toEqual([]);
  last().say({ type: "ping" });
  expect(last().sent.at(-1)).toEqual({ action: "ping" });
  expect(heard.topics).toEqual([]);
  last().say({ type: "pong" });
  expect(heard.topics).toEqual(["conversation:con_1", "session:ses_1"]);
  last().say({ type: "pong" });
  expect(heard.topics.length).toBe(2);
});

it("comes again with a new ticket when its credentials are over, and troubles nobody with it", async () => {
  begin();
  await settle();
  last().accept();
  last().say({ type: "error", error: { message: "over", type: "authentication_error", param: null, code: "credential_ended" } });
  expect(heard.states.at(-1)).toBe("waiting");
  await vi.advanceTimersByTimeAsync(500);
  last().accept();
  expect(lines.map((line) => line.address)).toEqual(["ws://x?ticket=0", "ws://x?ticket=1"]);
  expect([heard.frames, heard.states.at(-1)]).toEqual([[], "open"]);
});

it("tries again when no address can be had", async () => {
  let asked = 0;
  begin({
    address: async () => {
      if (asked++ === 0) throw new Error("signed out");
      return "ws://x";
    },
  });
  await settle();
  expect(lines).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  expect(lines.length).toBe(1);
});

it("keeps a quiet line alive, and gives up one that does not answer within 20 s", async () => {
  begin();
  await settle();
  last().accept();
  await vi.advanceTimersByTimeAsync(QUIET_MS);
  expect(last().sent).toEqual([{ action: "ping" }]);
  last().say({ type: "pong" });
  await vi.advanceTimersByTimeAsync(PONG_MS);
  expect(lines.length).toBe(1);
  await vi.advanceTimersByTimeAsync(20_000 - PONG_MS); // since anything was heard
  expect(lines[0]!.closed).toBe(true);
  expect(heard.states.at(-1)).not.toBe("open");
  await vi.advanceTimersByTimeAsync(500);
  expect(lines.length).toBe(2);
});

it("gives up a line that never opens", async () => {
  begin();
  await settle();
  await vi.advanceTimersByTimeAsync(OPEN_MS);
  expect([lines[0]!.closed, heard.states.at(-1)]).toEqual([true, "waiting"]);
  await vi.advanceTimersByTimeAsync(500);
  expect(lines.length).toBe(2);
});

it("asks nothing for liveness while words come, and keeps its credentials looked at", async () => {
  begin();
  await settle();
  last().accept();
  for (let second = 0; second < 120; second++) {
    last().say({ type: "delta", text: "a" });
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(last().sent).toHaveLength(3);
});

it.each<[Attention, number]>([
  ["seen", Math.floor(3_600_000 / (QUIET_MS + 1_000))],
  ["awaited", Math.floor(3_600_000 / AWAITED_MS)],
  ["unseen", Math.floor(3_600_000 / UNSEEN_MS)],
])("a quiet line that is %s costs at most %i pings an hour or a few more", async (attention, pings) => {
  begin({ attention: () => attention });
  await settle();
  last().accept();
  for (let second = 0; second < 3600; second++) {
    const before = last().sent.length;
    await vi.advanceTimersByTimeAsync(1_000);
    if (last().sent.length > before) last().say({ type: "pong" });
  }
  expect(last().sent.length).toBeGreaterThanOrEqual(pings - 1);
  expect(last().sent.length).toBeLessThanOrEqual(pings * 1.1 + 1);
});

it.each<[Attention, number, number, boolean]>([
  ["seen", QUIET_MS, QUIET_MS, true],
  ["seen", QUIET_MS, QUIET_MS - 1, false],
  ["seen", 0, AWAITED_MS, true],
  ["awaited", AWAITED_MS - 1, AWAITED_MS - 1, false],
  ["awaited", 0, AWAITED_MS, true],
  ["unseen", UNSEEN_MS - 1, UNSEEN_MS - 1, false],
  ["unseen", 0, UNSEEN_MS, true],
])("%s, quiet for %i ms and asked %i ms ago: %s", (attention, quiet, asked, due) => {
  expect(isPingDue(attention, quiet, asked)).toBe(due);
});

it("does not wait when the network comes back", async () => {
  begin();
  await settle();
  for (let i = 0; i < 8; i++) {
    last().drop();
    await vi.advanceTimersByTimeAsync(30_000);
  }
  last().drop();
  const before = lines.length;
  live.nudge();
  await settle();
  expect(lines.length).toBe(before + 1);
});

it("stays closed once closed", async () => {
  begin();
  await settle();
  live.close();
  last().drop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines.length).toBe(1);
});

it.each([1, 3])("asks again for what nobody could look at just now, %i times, and shows no error", async (times) => {
  begin();
  await settle();
  last().accept();
  live.want(["conversation:a", "session:b"]);
  for (let n = 0; n < times; n++) {
    last().sent = [];
    // Each of the two subscriptions is refused for now, and so is a ping that comes meanwhile.
    for (let refused = 0; refused < 3; refused++) last().say({ type: "error", error: { code: "try_again", message: "x" } });
    await vi.advanceTimersByTimeAsync(AGAIN_MS - 1);
    expect(last().sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(last().sent).toEqual([
      { action: "subscribe", conversation_id: "a" },
      { action: "subscribe", session_id: "b" },
      { action: "ping" },
    ]);
  }
  last().say({ type: "subscribed", conversation_id: "a" });
  expect(heard.topics).toEqual(["conversation:a"]);
  expect(heard.frames).toEqual([]);
  expect(lines).toHaveLength(1);
});

it("asks nothing again of a line that is gone meanwhile", async () => {
  begin();
  await settle();
  last().accept();
  live.want(["conversation:a"]);
  last().say({ type: "error", error: { code: "try_again", message: "x" } });
  last().sent = [];
  last().drop();
  await vi.advanceTimersByTimeAsync(AGAIN_MS);
  expect(lines[0]!.sent).toEqual([]);
});
