import { expect, it, vi } from "vitest";
import { ApiError, createApi } from "../src/api";

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });
const tokens = () => ({ token: async () => "t1", renew: vi.fn(async () => "t2" as string | null) });

function setUp(...responses: (Response | Error)[]) {
  const fetcher = vi.fn(async (..._: Parameters<typeof fetch>): Promise<Response> => {
    const next = responses.shift()!;
    if (next instanceof Error) throw next;
    return next;
  });
  const person = tokens();
  const sent = (n = 0) => {
    const [url, init] = fetcher.mock.calls[n]!;
    return { url, method: init!.method, headers: init!.headers, body: init!.body };
  };
  return { api: createApi("http://api/v1", person, fetcher as typeof fetch), fetcher, person, sent };
}

async function caught(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

it("posts a message with its key", async () => {
  const { api, sent } = setUp(json(202, {}));
  await api.post("con_1", "Oi", "k1");
  expect(sent()).toEqual({
    url: "http://api/v1/conversations/con_1/messages",
    method: "POST",
    headers: {
      Authorization: "Bearer t1",
      "Content-Type": "application/json",
      "Idempotency-Key": "k1",
      "X-Amzn-Trace-Id": expect.stringMatching(/^Root=1-/),
    },
    body: '{"content":"Oi"}',
  });
});

it("begins a trace with what begins something, and with nothing that only looks", async () => {
  const { api, sent } = setUp(json(200, { data: [] }));
  await api.sessions();
  expect(sent().headers).not.toHaveProperty("X-Amzn-Trace-Id");
});

it("says what the API says", async () => {
  const error = { message: "Too long", type: "invalid_request_error", param: "content", code: "too_long" };
  const failed = await caught(setUp(json(400, { error })).api.sessions());
  expect([failed.status, failed.message, failed.param, failed.code]).toEqual([400, "Too long", "content", "too_long"]);
  expect(failed.passing).toBe(false);
});

it("understands API Gateway's own errors, and ones that are not JSON", async () => {
  expect((await caught(setUp(json(403, { Message: "no" })).api.sessions())).message).toBe("no");
  expect((await caught(setUp(new Response("<html>", { status: 502 })).api.sessions())).message).toBe("HTTP 502");
});

it("renews the token once", async () => {
  const { api, person, sent } = setUp(json(401, {}), json(200, { data: [] }));
  await api.sessions();
  expect(person.renew).toHaveBeenCalledTimes(1);
  expect(sent(1).headers).toMatchObject({ Authorization: "Bearer t2" });
});

it("asks the person to sign in when there is no token", async () => {
  const api = createApi("http://api/v1", { token: async () => null, renew: async () => null }, fetch);
  expect((await caught(api.sessions())).code).toBe("signed_out");
});

it("knows which failures pass", async () => {
  expect((await caught(setUp(new TypeError("fetch failed")).api.sessions())).passing).toBe(true);
  expect((await caught(setUp(json(503, {})).api.sessions())).passing).toBe(true);
  expect((await caught(setUp(json(429, {})).api.sessions())).passing).toBe(true);
  expect((await caught(setUp(new Response('{"cut', { status: 202 })).api.sessions())).passing).toBe(true);
  expect((await caught(setUp(json(404, {})).api.sessions())).passing).toBe(false);
});

it("asks for a part of a list, behind the last one that it has", async () => {
  const { api, sent } = setUp(json(200, { data: [{ id: "a" }], has_more: true }), json(200, { data: [] }));
  expect((await api.conversations(50)).data.map((c) => c.id)).toEqual(["a"]);
  await api.messages("con 1", "ans_1");
  expect(sent(0).url).toBe("http://api/v1/conversations?limit=50");
  expect(sent(1).url).toBe("http://api/v1/conversations/con%201/messages?limit=50&order=desc&after=ans_1");
});

it.each([
  [{ "Retry-After": "37" }, true, 37],
  [{ "Retry-After": "9000", "x-should-retry": "false" }, false, 9000],
  [{ "x-should-retry": "false" }, false, null],
  [{ "Retry-After": "soon" }, true, null],
])("knows how long a limit lasts, and whether another try soon helps: %j", async (headers, passing, retryAfter) => {
  const body = JSON.stringify({ error: { message: "m", type: "rate_limit_error", code: "too_many_messages" } });
  const { api } = setUp(new Response(body, { status: 429, headers: headers as Record<string, string> }));
  const error = await caught(api.post("con_1", "Oi", "k1"));
  expect([error.code, error.passing, error.retryAfter]).toEqual(["too_many_messages", passing, retryAfter]);
});

it("reads a short list whole, however many parts it comes in", async () => {
  const { api, sent, fetcher } = setUp(
    json(200, { data: [{ id: "prompt_3" }, { id: "prompt_2" }], has_more: true }),
    json(200, { data: [{ id: "prompt_1" }], has_more: false }),
    json(200, { data: [], has_more: true }), // it says so, and has nothing: nobody asks for ever
  );
  expect((await api.prompts()).map(({ id }) => id)).toEqual(["prompt_3", "prompt_2", "prompt_1"]);
  expect([sent(0).url, sent(1).url]).toEqual(["http://api/v1/prompts?limit=100", "http://api/v1/prompts?limit=100&after=prompt_2"]);
  expect(await api.keys()).toEqual([]);
  expect(fetcher).toHaveBeenCalledTimes(3);
});
