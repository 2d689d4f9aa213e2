/** What was settled is not offered again: to that person, on that device, whatever it keeps. */
import { beforeEach, expect, test, vi } from "vitest";
import { setKeepsHere } from "../src/logic/keeping";
import { Store } from "./store";

const SAID = "I live in Salvador.";

let store: Store;

/** As the page has them when it was opened anew. */
async function opened() {
  vi.resetModules();
  return import("../src/actions/suggestions");
}

beforeEach(() => {
  store = new Store();
  vi.stubGlobal("localStorage", store);
});

test("until it is settled, then no more, however it is written", async () => {
  const page = await opened();
  expect(await page.suggestionIn("ana", `Why? ${SAID}`)).toBe(SAID);
  expect(await page.suggestionIn("ana", `Why? ${SAID}`)).toBe(SAID);
  await page.settle("ana", SAID);
  for (const known of [page, await opened()]) {
    expect(await known.suggestionIn("ana", "i live in salvador.")).toBeNull();
    expect(await known.suggestionIn("ana", "I live in Recife.")).toBe("I live in Recife.");
    expect(await known.suggestionIn("bia", SAID)).toBe(SAID);
  }
  expect(JSON.stringify(store.all())).not.toMatch(/salvador|ana/i);
});

test("a device that keeps nothing knows it while the page is open", async () => {
  setKeepsHere(false);
  const [page, before] = [await opened(), JSON.stringify(store.all())];
  await page.settle("ana", SAID);
  expect(await page.suggestionIn("ana", SAID)).toBeNull();
  expect(JSON.stringify(store.all())).toBe(before);
  expect(await (await opened()).suggestionIn("ana", SAID)).toBe(SAID);
});

test.each(["{", "null", "{}", "[1, null]"])("what another version has kept is passed over: %s", async (kept) => {
  store.setItem("foreverus.settled", kept);
  const page = await opened();
  expect(await page.suggestionIn("ana", SAID)).toBe(SAID);
  await page.settle("ana", SAID);
  expect(await page.suggestionIn("ana", SAID)).toBeNull();
});

test("the newest two hundred are kept", async () => {
  const page = await opened();
  for (let n = 0; n < 205; n++) await page.settle("ana", `I live in house ${n}.`);
  const again = await opened();
  expect(await again.suggestionIn("ana", "I live in house 0.")).toBe("I live in house 0.");
  expect(await again.suggestionIn("ana", "I live in house 204.")).toBeNull();
});
