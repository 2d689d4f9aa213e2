/** A link to a part of the page. With a key that opens a tab or a window, it does what links do. */
import type { ComponentChildren } from "preact";
import { go, hashOf, type Place } from "../actions/places";

interface Props {
  to: Place;
  current: boolean;
  children: ComponentChildren;
}

export function PlaceLink({ to, current, children }: Props) {
  return (
    <a
      href={hashOf(to) || "#"}
      aria-current={current ? "page" : undefined}
      onClick={(event) => {
        if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}
