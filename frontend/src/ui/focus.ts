/** Keeps the keyboard where people are: nobody is thrown back to the page's beginning because a button went away. */

/** `data-home="<id>"` on a part of the page, or on an element itself: what gets the keyboard when the element that had it
 * is gone. The nearest home that is still there counts. */
const HOME = "data-home";

function homesOf(element: Element | null): string[] {
  const found: string[] = [];
  for (let at = element?.closest(`[${HOME}]`); at; at = at.parentElement?.closest(`[${HOME}]`)) found.push(at.getAttribute(HOME)!);
  return found;
}

/** Watches from now on. What had the keyboard may be removed, or disabled, which takes the keyboard from it too. */
export function keepFocus(root: HTMLElement): void {
  let had: HTMLElement | null = null;
  let homes: string[] = [];
  root.addEventListener("focusin", (event) => {
    had = event.target instanceof HTMLElement ? event.target : null;
    homes = homesOf(had);
  });
  // A person who clicks on nothing takes the keyboard away themselves.
  root.addEventListener("pointerdown", (event) => {
    if (!(event.target instanceof HTMLElement && event.target.closest("button, a, input, select, textarea, summary"))) {
      had = null;
    }
  });
  new MutationObserver(() => {
    if (!had || document.activeElement !== document.body) return;
    if (had.isConnected && !had.matches(":disabled")) return;
    had = null;
    const home = homes.map((id) => document.getElementById(id)).find((one) => one && !one.matches(":disabled"));
    home?.focus({ preventScroll: true });
  }).observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"] });
}

/** The keyboard goes to what may still be on its way, unless somebody has taken it elsewhere meanwhile. */
export function focusWhenThere(id: string): void {
  const had = document.activeElement;
  const take = (): boolean => {
    if (document.activeElement !== had && document.activeElement !== document.body) return true;
    const found = document.getElementById(id);
    found?.focus({ preventScroll: true });
    return found !== null;
  };
  if (take()) return;
  const watch = new MutationObserver(() => take() && watch.disconnect());
  watch.observe(document.body, { subtree: true, childList: true });
}
