import { expect, it } from "vitest";
import { isEnterOfInputMethod, meantEnter } from "../src/ui/enter";
import { filesWith, SOURCES } from "./sources";

const enter = { key: "Enter", keyCode: 13, isComposing: false, shiftKey: false };

it("takes Enter for a wish to send only when a person meant it", () => {
  expect(meantEnter(enter)).toBe(true);
  expect(meantEnter({ ...enter, shiftKey: true })).toBe(false);
  expect(meantEnter({ ...enter, isComposing: true })).toBe(false); // Chrome, Firefox
  expect(meantEnter({ ...enter, isComposing: true, keyCode: 229 })).toBe(false);
  expect(meantEnter({ ...enter, keyCode: 229 })).toBe(false); // Safari, after compositionend
  expect(meantEnter({ ...enter, key: "Process", keyCode: 229 })).toBe(false);
  expect(meantEnter({ ...enter, key: "a", keyCode: 65 })).toBe(false);
});

it("keeps a form from being sent by an Enter of an input method, and by that alone", () => {
  expect(isEnterOfInputMethod(enter)).toBe(false);
  expect(isEnterOfInputMethod({ ...enter, keyCode: 229 })).toBe(true);
  expect(isEnterOfInputMethod({ ...enter, isComposing: true })).toBe(true);
  expect(isEnterOfInputMethod({ ...enter, key: "a", keyCode: 229 })).toBe(false);
});

it("is the only place that looks at Enter", () => {
  expect(SOURCES.length).toBeGreaterThan(40);
  expect(filesWith(/["']Enter["']|isComposing|keyCode/)).toEqual(["ui/enter.ts"]);
});
