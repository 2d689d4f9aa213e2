import { useEffect } from "preact/hooks";

/** Where what had the keyboard is gone, the heading `id` gets it: nobody is thrown back to the page's beginning. */
export function useKeptFocus(id: string, changed: unknown): void {
  useEffect(() => {
    if (document.activeElement === document.body) document.getElementById(id)?.focus({ preventScroll: true });
  }, [changed]);
}
