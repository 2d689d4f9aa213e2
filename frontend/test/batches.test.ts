import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWatch, POLL_MS } from "../src/actions/batchWatch";
import { hashOf, place } from "../src/actions/places";
import { fileName, newDraft, requestOf } from "../src/logic/batchDraft";
import { choiceText, downloadName, isScheduled, mergeBatches, moments, nameOf, progress } from "../src/logic/batches";
import { received } from "../src/logic/download";
import { bytes, left, percent, when } from "../src/logic/format";
import { batch, batchFacts } from "./made";

describe("a batch", () => {
  it("never goes back, whichever answer comes last", () => {
    const done = batch({ status: "completed" });
    expect(mergeBatches([done], [batch()])).toEqual([done]);
    const later = batch({ request_counts: { total: 4, completed: 2, failed: 0 } });
    expect(mergeBatches([batch()], [later])).toEqual([later]);
    expect(mergeBatches([batch({ status: "cancelling" })], [batch({ status: "cancelled" })])[0]!.status).toBe("cancelled");
  });

  it("is listed newest first", () => {
    const list = mergeBatches([batch({ id: "b", created_at: 5 })], [batch({ id: "c", created_at: 9 }), batch({ id: "a", created_at: 5 })]);
    expect(list.map((one) => one.id)).toEqual(["c", "b", "a"]);
  });

  it("is as far as its settled lines, good and bad", () => {
    const counts = { total: 200, completed: 90, failed: 10 };
    expect(progress(batch({ request_counts: counts }))).toEqual({ settled: 100, total: 200, failed: 10, share: 0.5 });
    expect(progress(batch()).share).toBeNull();
  });

  it("tells what happened in order, in milliseconds", () => {
    const list = moments(batch({ in_progress_at: 103, finalizing_at: null, cancelling_at: 120, cancelled_at: 125 }));
    expect(list).toEqual([
      { name: "created", at: 100_000 },
      { name: "in_progress", at: 103_000 },
      { name: "cancelling", at: 120_000 },
      { name: "cancelled", at: 125_000 },
    ]);
  });

  it("shows the arithmetic that it has", () => {
    expect(choiceText(batch())).toBeNull();
    const words = batchFacts({ choice: { gpu_usd: 0.2 }, choice_text: "GPU: 0.21" });
    expect(choiceText(batch({ metadata: { foreverus_choice: "the person's own" }, foreverus: words }))).toBe("GPU: 0.21");
    expect(choiceText(batch({ foreverus: batchFacts({ choice: { gpu_usd: 0.2 } }) }))).toContain('"gpu_usd": 0.2');
  });

  it("is called like its file, and so are its answers", () => {
    const named = batch({ metadata: { filename: "aula 1/perguntas.jsonl" } });
    expect(nameOf(named)).toBe("aula 1/perguntas.jsonl");
    expect(downloadName(named, "output")).toBe("aula 1_perguntas.output.jsonl");
    expect(downloadName(batch(), "errors")).toBe("batch_1.errors.jsonl");
    expect(isScheduled(batch({ foreverus: batchFacts({ trigger: "schedule" }) }))).toBe(true);
    expect(isScheduled(named)).toBe(false);
  });

  it("is asked for with our options where any client can put them", () => {
    const file = new File(["x"], "perguntas.jsonl");
    const draft = newDraft(file, "k1", { backend: "gpu", onDemand: true, window: "6h" });
    expect(requestOf(draft, "file_9")).toEqual({
      input_file_id: "file_9",
      endpoint: "/v1/chat/completions",
      completion_window: "6h",
      metadata: { filename: "perguntas.jsonl", backend: "gpu", allow_on_demand: "true" },
    });
    expect(fileName(new File([], "é".repeat(300)))).toBe("é".repeat(255));
  });
});

it("has an address for everything", () => {
  for (const hash of ["", "#c=conv_1", "#b", "#b=batch_1"]) expect(hashOf(place(hash))).toBe(hash);
  expect(place("#b=a%20b")).toEqual({ area: "batches", id: "a b" });
});

describe("watching", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it("asks every two seconds until it is over, and never twice at once", async () => {
    let open = 0;
    const ask = vi.fn(async () => {
      expect(++open).toBe(1);
      await new Promise((done) => setTimeout(done, 500));
      open -= 1;
      return ask.mock.calls.length < 3;
    });
    const watch = createWatch(ask, () => undefined);
    watch.want("a");
    watch.want("a");
    await vi.advanceTimersByTimeAsync(500 + POLL_MS - 1);
    expect(ask).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("goes slower while nobody answers, and says so", async () => {
    let broken = true;
    const stale: boolean[] = [];
    const ask = vi.fn(async () => {
      if (broken) throw new Error("no answer");
      return true;
    });
    const watch = createWatch(ask, (is) => stale.push(is));
    watch.want("a");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask.mock.calls.length).toBeLessThan(11); // 30 without backing off
    expect(stale.at(-1)).toBe(true);
    broken = false;
    await vi.advanceTimersByTimeAsync(40_000);
    expect(stale.at(-1)).toBe(false);
  });

  it("follows what is wanted, and stops when nothing is", async () => {
    const asked: string[] = [];
    const ask = async (id: string) => {
      asked.push(id);
      await new Promise((done) => setTimeout(done, 100));
      return true;
    };
    const watch = createWatch(ask, () => undefined);
    watch.want("a");
    watch.want("b"); // while a's answer is on its way
    await vi.advanceTimersByTimeAsync(150);
    expect(asked).toEqual(["a", "b"]);
    watch.want(null);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual(["a", "b"]);
    watch.want("b"); // somebody came back: asked for at once
    expect(asked).toEqual(["a", "b", "b"]);
    watch.want(null);
  });
});

describe("numbers", () => {
  it("of files and shares are the language's", () => {
    expect([0, 999, 4200, 4_250_000].map((n) => bytes(n, "pt"))).toEqual(["0 B", "999 B", "4 kB", "4,3 MB"]);
    expect(bytes(200_000_000, "en")).toBe("200 MB");
    expect([0, 0.5, 0.9999, 1].map((share) => percent(share, "en"))).toEqual(["0%", "50%", "99%", "100%"]);
  });

  it("of time are as exact as a list and a guess need them", () => {
    const now = new Date(2026, 10, 21, 23, 50).getTime();
    const at = (...date: [number, number, number]) => when(new Date(...date, 9, 5).getTime(), now, "en").replace(/\s/g, " ");
    expect([at(2026, 10, 21), at(2026, 10, 2), at(2025, 0, 3)]).toEqual(["9:05 AM", "Nov 2", "1/3/25"]);
    expect([42, 90, 91, 402, 7150].map(left)).toEqual(["42 s", "1 min 30 s", "2 min", "7 min", "2 h"]);
  });
});

it("receives a body whole and tells how much has come", async () => {
  const told: number[] = [];
  const blob = await received(new Response("ção\n".repeat(1000)), (count) => told.push(count));
  expect(await blob.text()).toBe("ção\n".repeat(1000));
  expect(told[0]).toBe(6000);
});
