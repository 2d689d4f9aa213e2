/** Keeps the keyboard where people are: nobody is thrown back to the page's beginning because a button went away. */

/** `data-home="<id>"` on a part of the page: what gets the keyboard when the element in it that had it is gone. */
const HOME = "data-home";

/** Watches from now on. What had the keyboard may be removed, or disabled, which takes the keyboard from it too. */
export function keepFocus(root: HTMLElement): void {
  let had: HTMLElement | null = null;
  let home: string | null = null;
  root.addEventListener("focusin", (event) => {
    had = event.target instanceof HTMLElement ? event.target : null;
    home = had?.closest(`[${HOME}]`)?.getAttribute(HOME) ?? null;
  });
  // A person who clicks on nothing takes the keyboard away themselves.
  root.addEventListener("pointerdown", (event) => {
    if (!(event.target instanceof HTMLElement && event.target.closest("button, a, input, select, textarea, summary"))) {
      had = null;
    }
  });
  new MutationObserver(() => {
    if (!had || !home || document.activeElement !== document.body) return;
    if (had.isConnected && !had.matches(":disabled")) return;
    had = null;
    document.getElementById(home)?.focus({ preventScroll: true });
  }).observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"] });
}
