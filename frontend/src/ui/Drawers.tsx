/** What a narrow page has no room for beside the conversation: a list that is drawn in, and what the GPU does. */
import type { Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { focusWhenThere } from "./focus";
import { DOING } from "../actions/places";
import { t, type Key } from "../i18n";
import { area, batchId, current, gpuOpen, sideOpen } from "../state";

function Toggle({ open, words, controls }: { open: Signal<boolean>; words: Key; controls: string }) {
  return (
    <button
      type="button"
      class={`quiet toggle toggle-${controls}`}
      aria-expanded={open.value}
      aria-controls={controls}
      aria-label={t(words)}
      onClick={() => {
        open.value = !open.value;
        if (open.value) requestAnimationFrame(() => document.getElementById(controls)?.focus());
      }}
    >
      <span aria-hidden="true">{controls === "side" ? "☰" : open.value ? "▴" : "▾"}</span>
    </button>
  );
}

export const SideToggle = () => <Toggle open={sideOpen} words="app.list" controls="side" />;
export const GpuToggle = () => <Toggle open={gpuOpen} words="gpu.details" controls="panel" />;

/** Escape closes what is open; so does going somewhere. */
export function useDrawers(): void {
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !(sideOpen.value || gpuOpen.value)) return;
      const back = document.querySelector<HTMLElement>(sideOpen.value ? ".toggle-side" : ".toggle-panel");
      sideOpen.value = gpuOpen.value = false;
      back?.focus();
    };
    window.addEventListener("keydown", close);
    return () => window.removeEventListener("keydown", close);
  }, []);
  useEffect(() => {
    if (!sideOpen.value) return;
    sideOpen.value = false;
    // What was chosen is read first: on a phone a field that has the keyboard opens one over it.
    const read = area.value === "chats" ? "messages" : DOING[area.value];
    requestAnimationFrame(() => focusWhenThere(read));
  }, [current.value, batchId.value, area.value]);
}
