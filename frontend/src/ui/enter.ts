/** keyCode of a key that an input method has taken for itself. */
const TAKEN = 229;

/**
 * Whether a person pressed Enter to do something, not to accept what an input method offers or to break a line. Most
 * browsers say `isComposing` then; Safari ends the composition first, and only the obsolete keyCode still tells.
 */
export function meantEnter(event: Pick<KeyboardEvent, "key" | "keyCode" | "isComposing" | "shiftKey">): boolean {
  return event.key === "Enter" && !event.shiftKey && !isOfInputMethod(event);
}

/** A key by which an input method does something of its own. */
export function isOfInputMethod(event: Pick<KeyboardEvent, "keyCode" | "isComposing">): boolean {
  return event.isComposing || event.keyCode === TAKEN;
}

/** In a form's field: an Enter by which nobody meant to send the form, though the browser may take it so. */
export function isEnterOfInputMethod(event: Pick<KeyboardEvent, "key" | "keyCode" | "isComposing" | "shiftKey">): boolean {
  return event.key === "Enter" && !meantEnter(event);
}

/** What presses a button that has the keyboard. */
export function pressesButton(event: KeyboardEvent): boolean {
  return event.key === " " || event.key === "Enter";
}
