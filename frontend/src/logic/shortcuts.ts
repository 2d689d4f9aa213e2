/** What the keyboard does wherever somebody is on the page. Pure. */

export const ACTIONS = ["new", "search", "write", "stop", "above", "below", "gpu", "help"] as const;
export type Action = (typeof ACTIONS)[number];

/**
 * Alt with a letter that neither a browser's menus (File, Edit, View, History, Bookmarks, Tools, Help; in Portuguese
 * A, E, X, H, F, M, U) nor its address bar (D) take; screen readers use Alt alone for none of them. With Alt no letter
 * that somebody says or mistypes does anything, so nobody has to switch it off (WCAG 2.1.4).
 */
export const KEYS: Readonly<Record<Action, readonly string[]>> = {
  new: ["Alt", "N"],
  search: ["Alt", "K"],
  write: ["Alt", "C"],
  stop: ["Alt", "P"],
  above: ["Alt", "↑"],
  below: ["Alt", "↓"],
  gpu: ["Alt", "G"],
  help: ["?"],
};

const NAMES: Readonly<Record<string, string>> = { ArrowUp: "↑", ArrowDown: "↓" };

export interface Pressed {
  key: string;
  code: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

/** The key as people call it: where Alt makes another character of it, as on a Mac, by its place. */
function nameOf({ key, code }: Pressed): string {
  if (NAMES[key]) return NAMES[key];
  return /^[a-z]$/i.test(key) ? key.toUpperCase() : code.replace(/^Key/, "");
}

/** `typing`: into a field; there every key is the field's. */
export function actionOf(pressed: Pressed, typing: boolean): Action | null {
  if (typing || pressed.ctrlKey || pressed.metaKey) return null;
  if (!pressed.altKey) return pressed.key === "?" ? "help" : null;
  if (pressed.shiftKey) return null;
  const name = nameOf(pressed);
  return ACTIONS.find((action) => KEYS[action].length === 2 && KEYS[action][1] === name) ?? null;
}
