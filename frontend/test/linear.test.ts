import { expect, test } from "vitest";
import { ENDPOINTS, lineProblems } from "../src/logic/batchProblems";
import { isUsable, promptTexts } from "../src/logic/batchValues";

type Json = Record<string, unknown>;

/** How often anything of `value` is looked at: steps that no clock has to count. */
function looks(value: Json, read: (value: Json) => unknown): number {
  let count = 0;
  const handler: ProxyHandler<object> = {
    get(of, name, self) {
      count += 1;
      const found: unknown = Reflect.get(of, name, self);
      return typeof found === "object" && found !== null ? new Proxy(found, handler) : found;
    },
    has: (of, name) => ((count += 1), Reflect.has(of, name)),
    ownKeys: (of) => ((count += Reflect.ownKeys(of).length), Reflect.ownKeys(of)),
    getOwnPropertyDescriptor: (of, name) => ((count += 1), Reflect.getOwnPropertyDescriptor(of, name)),
  };
  read(new Proxy(value, handler) as Json);
  return count;
}

const keys = (n: number, value: unknown) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, value]));
const list = (n: number, value: (i: number) => unknown) => Array.from({ length: n }, (_, i) => value(i));
const line = (more: Json, body: Json) => ({
  custom_id: "a",
  method: "POST",
  url: ENDPOINTS[0],
  body: { model: "m", messages: [{ role: "user", content: "Hi" }], ...body },
  ...more,
});

const SHAPES: Record<string, (n: number) => Json> = {
  "unknown keys of the line": (n) => line(keys(n, 1), {}),
  "unknown keys of the body": (n) => line({}, keys(n, { a: 1 })),
  "keys of null": (n) => line({}, keys(n, null)),
  "unknown keys of a message": (n) => line({}, { messages: [{ role: "user", content: "Hi", ...keys(n, 1) }] }),
  "messages": (n) => line({}, { messages: list(n, (i) => ({ role: "user", content: `${i}` })) }),
  "bad messages": (n) => line({}, { messages: list(n, (i) => ({ role: i, content: [{ type: i }], x: 1 })) }),
  "parts": (n) => line({}, { messages: [{ role: "user", content: list(n, () => ({ type: "text", text: "a" })) }] }),
  "texts to stop at": (n) => line({}, { stop: list(n, (i) => `${i}`) }),
  "a schema": (n) => line({}, { response_format: { type: "json_schema", json_schema: { schema: keys(n, {}) } } }),
  "metadata": (n) => line({}, { metadata: keys(n, "a") }),
};

const READERS: Record<string, (value: Json) => unknown> = {
  "the line's problems": (value) => lineProblems(value, ENDPOINTS[0]),
  "its prompt's texts": (value) => promptTexts(value["body"] as Json),
  "whether it is usable": (value) => isUsable(value),
};

for (const [reader, read] of Object.entries(READERS)) {
  test.each(Object.keys(SHAPES))(`${reader} take steps in proportion to its %s`, (shape) => {
    const [once, twice] = [300, 600].map((n) => looks(SHAPES[shape]!(n), read));
    expect(twice).toBeLessThanOrEqual(2.6 * once! + 200);
  });
}
