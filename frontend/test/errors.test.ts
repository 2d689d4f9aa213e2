import { beforeEach, expect, it } from "vitest";
import { explain } from "../src/actions/notices";
import { ApiError } from "../src/api";
import { allWords, choose } from "../src/i18n";
import { en } from "../src/i18n/en";
import { enLater } from "../src/i18n/en.later";
import { pt } from "../src/i18n/pt";
import { ptLater } from "../src/i18n/pt.later";

const LABELS = new Set(["error.close", "error.details", "error.id", "error.id.copy"]);
const errors = (words: Record<string, string>) => Object.entries(words).filter(([key]) => key.startsWith("error.") && !LABELS.has(key));

it.each(errors({ ...en, ...enLater, ...Object.fromEntries(errors({ ...pt, ...ptLater }).map(([key, text]) => [`${key} (pt)`, text])) }))(
  "%s is a sentence with a next step",
  (_, text) => {
    expect(text).toMatch(/[.?]$/);
    expect(text.split(/[.:;,] /).length, text).toBeGreaterThan(1);
  },
);

beforeEach(async () => {
  await choose("pt", false);
  await allWords();
});

it("says in the person's language what the server has no words for in it, and what it says behind that", async () => {
  const unknown = new ApiError(400, "'content' must be text.", "invalid_field", "content");
  expect(explain(unknown)).toBe("O servidor não aceita isto como está. Mude e envie de novo. ('content' must be text.)");
  expect(explain(new ApiError(503, "HTTP 503"))).toMatch(/^O servidor está ocupado/);
  expect(explain(new ApiError(503, "Service Unavailable"))).toMatch(/^O servidor está ocupado[^(]*$/); // API Gateway's own
  expect(explain(new ApiError(404, "No such batch.", "batch_not_found"))).toMatch(/^Este lote não existe/);
  expect(explain(new ApiError(418, "A teapot.", "teapot"))).toBe("A teapot.");
  await choose("en", false);
  expect(explain(unknown)).toBe("'content' must be text.");
  expect(explain(new ApiError(400, "HTTP 400"))).toMatch(/^The server does not take this/);
});
