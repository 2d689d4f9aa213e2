import { afterEach, expect, test, vi } from "vitest";
import { put, UploadError } from "../src/logic/upload";

/** Answers with the next status; notes what was set and sent. */
class FakeRequest {
  static statuses: number[] = [];
  static sent: Record<string, string>[] = [];
  status = 0;
  upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload?: () => void;
  onloadend?: () => void;
  private headers: Record<string, string> = {};

  open(): void {}
  abort(): void {}
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }
  send(): void {
    FakeRequest.sent.push(this.headers);
    this.status = FakeRequest.statuses.shift() ?? 0;
    this.onload?.();
    this.onloadend?.();
  }
}

const address = {
  method: "PUT",
  url: "https://bucket.example/uploads/ana/file_1/content",
  headers: { "Content-Type": "application/jsonl", "If-None-Match": "*", "Content-Length": "2" },
};
const send = (status: number) => {
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  FakeRequest.statuses = [status];
  return put(address, new Blob(["{}"]), new AbortController().signal, () => undefined);
};

afterEach(() => {
  vi.unstubAllGlobals();
  FakeRequest.sent = [];
});

test("what the address was signed with is sent, but for what a browser sets itself", async () => {
  await send(200);
  expect(FakeRequest.sent).toEqual([{ "Content-Type": "application/jsonl", "If-None-Match": "*" }]);
});

test("412 says that the file is there: the browser has sent it again after an answer was lost", async () => {
  await expect(send(412)).resolves.toBeUndefined();
});

test.each([400, 403, 409, 500])("%i is an error", async (status) => {
  await expect(send(status)).rejects.toEqual(new UploadError(status));
});
