/** Where an on-screen keyboard lies over the page instead of making it smaller (Safari), the page keeps to what is left. */
const KEYBOARD_PX = 60; // less than that are bars that come and go

export function makeRoomForKeyboard(root: HTMLElement): void {
  const seen = window.visualViewport;
  if (!seen) return;
  const fit = () => {
    const isCovered = seen.scale === 1 && window.innerHeight - seen.height > KEYBOARD_PX;
    root.style.height = isCovered ? `${seen.height}px` : "";
    root.classList.toggle("keyboard", isCovered); // it covers the safe area, too
    if (isCovered) window.scrollTo(0, 0);
  };
  seen.addEventListener("resize", fit);
}
