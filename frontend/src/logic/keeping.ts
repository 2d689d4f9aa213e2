/** Whether this device keeps conversations: a choice about the device and not about whoever sits at it, so it outlives a
 * sign-out. Kept only where it is no. */
const CHOICE = "foreverus.keep";

export function keepsHere(): boolean {
  try {
    return localStorage.getItem(CHOICE) !== "no";
  } catch {
    return false; // a forbidden store is a clear answer
  }
}

export function setKeepsHere(yes: boolean): void {
  try {
    if (yes) localStorage.removeItem(CHOICE);
    else localStorage.setItem(CHOICE, "no");
  } catch {
    // It holds until the page is left.
  }
}
