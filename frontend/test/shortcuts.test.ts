import { expect, it } from "vitest";
import { ACTIONS, actionOf, KEYS, type Pressed } from "../src/logic/shortcuts";

const none = { altKey: false, ctrlKey: false, metaKey: false, shiftKey: false };
const press = (key: string, more: Partial<Pressed> = {}): Pressed => {
  return { ...none, key, code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key, ...more };
};

it("has keys for every action, each its own", () => {
  const all = ACTIONS.map((action) => KEYS[action].join("+"));
  expect(new Set(all).size).toBe(ACTIONS.length);
});

it("finds the action of its keys, and of no others", () => {
  expect(actionOf(press("n", { altKey: true }), false)).toBe("new");
  expect(actionOf(press("N", { altKey: true }), false)).toBe("new"); // caps lock
  expect(actionOf(press("Dead", { altKey: true, code: "KeyN" }), false)).toBe("new"); // a Mac's Option
  expect(actionOf(press("˙", { altKey: true, code: "KeyK" }), false)).toBe("search");
  expect(actionOf(press("ArrowUp", { altKey: true }), false)).toBe("above");
  expect(actionOf(press("ArrowDown", { altKey: true }), false)).toBe("below");
  expect(actionOf(press("?", { shiftKey: true, code: "Slash" }), false)).toBe("help");
  expect(actionOf(press("?", { shiftKey: true, code: "KeyW" }), false)).toBe("help"); // another keyboard
  for (const key of ["n", "k", "ArrowUp", "Enter", " ", "/", "Escape"]) expect(actionOf(press(key), false)).toBeNull();
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }]) {
    expect(actionOf(press("n", { altKey: true, ...more }), false)).toBeNull();
  }
  expect(actionOf(press("?", { altKey: true }), false)).toBeNull();
});

it("leaves every key to whoever types", () => {
  for (const action of ACTIONS) {
    const [first, second] = KEYS[action];
    const pressed = second ? press(second === "↑" ? "ArrowUp" : second === "↓" ? "ArrowDown" : second, { altKey: true }) : press(first!);
    expect(actionOf(pressed, false)).toBe(action);
    expect(actionOf(pressed, true)).toBeNull();
  }
});

it("takes none that a browser's menus or address bar have", () => {
  const menus = "FEVSBTHD" + "AEXHFMU"; // Firefox and Chrome on Windows and Linux, in English and in Portuguese
  for (const action of ACTIONS) {
    const keys = KEYS[action];
    if (keys.length === 1) expect(keys).toEqual(["?"]);
    else expect([keys[0], menus.includes(keys[1]!)]).toEqual(["Alt", false]);
  }
});
