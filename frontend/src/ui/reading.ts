/** Where somebody reads in a conversation: the text stays under their eyes, whatever comes above or below it. */
import { effect, untracked, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { chat, current } from "../state";
import { textOf } from "../logic/chat";
import { away, drawNear, inSight } from "./near";

const NEAR_END_PX = 80;
const AT_END_PX = 2; // a fraction of a pixel is left where a page is zoomed

interface Anchor {
  element: Element;
  /** How much stands above it, in pixels: scrolling does not change that. */
  above: number;
}

function aboveOf(all: HTMLElement, element: Element): number {
  return element.getBoundingClientRect().top - all.getBoundingClientRect().top;
}

/** What is read: the message that has the keyboard, or the first in sight, within its piece of the list. The button above them stays at the top, whatever comes. */
function firstInSight(box: HTMLElement, all: HTMLElement): Anchor | null {
  const { top, bottom } = box.getBoundingClientRect();
  const held = document.activeElement?.closest("article");
  if (held && all.contains(held) && away(held, top, bottom) === 0) return { element: held, above: aboveOf(all, held) };
  const first = inSight(all, top);
  const found = first?.matches("button") ? (first.nextElementSibling ?? first) : first;
  const piece = found?.matches(".pieces") ? inSight(found, top) : found;
  const element = piece?.matches(".piece") ? inSight(piece, top) : piece;
  return element ? { element, above: aboveOf(all, element) } : null;
}

/** Changes with what stands at the end. */
function newest(): string {
  const last = chat.value.messages.at(-1);
  return last ? `${last.id} ${textOf(chat.value, last).length} ${last.status}` : "";
}

/**
 * `id`: of the conversation; another one is shown from its end. `mine`: how many questions of the person's own wait
 * there; with a new one they are taken to it. All is looked at once in a frame, when the browser has laid it out.
 */
export function useReading(id: string | null, mine: number) {
  const list = useRef<HTMLDivElement>(null);
  const all = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const anchor = useRef<Anchor | null>(null);
  const known = useRef({ mine, top: 0, height: 0, rest: 0 });
  const below = useSignal(false);

  /** Both as they stand in the page: an event or an observer may come when another part of it is shown already. */
  const shown = () => (list.current && all.current ? { box: list.current, content: all.current } : null);
  const follow = (box: HTMLElement) => {
    box.scrollTop = box.scrollHeight;
    known.current.top = box.scrollTop;
    below.value = false;
  };
  /** What has come above what is read, or went from there, moves nothing; then what is read now is remembered. */
  const keep = (box: HTMLElement, content: HTMLElement) => {
    const { element, above } = anchor.current ?? {};
    if (!atEnd.current && element?.isConnected && above !== undefined) {
      const moved = aboveOf(content, element) - above + known.current.rest;
      const before = box.scrollTop;
      if (moved) box.scrollTop += moved;
      const rest = moved - (box.scrollTop - before); // a list is scrolled by whole pixels
      known.current.rest = Math.abs(rest) < 1 ? rest : 0;
    }
    anchor.current = atEnd.current ? null : firstInSight(box, content);
    known.current.top = box.scrollTop;
  };
  const draw = (box: HTMLElement, content: HTMLElement) => {
    const pieces = content.querySelector(".pieces");
    if (pieces) drawNear(box, pieces);
  };
  const look = () => {
    const both = shown();
    if (!both) return;
    const { box, content } = both;
    // Taken up by a link a moment ago: the browser has not told of it yet.
    const isTaken = box.scrollTop < known.current.top - 1 && box.scrollHeight - box.scrollTop - box.clientHeight > NEAR_END_PX;
    if (atEnd.current && isTaken) atEnd.current = false;
    if (atEnd.current && current.value) follow(box); // what stands there before a first message is read from its beginning
    keep(box, content);
    known.current.height = box.scrollHeight;
    draw(box, content);
  };

  useLayoutEffect(() => {
    atEnd.current = true;
    known.current.top = 0; // it was another one's
    look();
  }, [id]);
  useLayoutEffect(() => {
    if (mine > known.current.mine) {
      atEnd.current = true;
      look();
    }
    known.current.mine = mine;
  }, [mine]);
  useEffect(() => {
    // Also a keyboard on the screen, or a long draft, takes room away: the end stays in sight.
    const watch = new ResizeObserver(look);
    watch.observe(list.current!);
    watch.observe(all.current!);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    let before = untracked(newest);
    return effect(() => {
      const now = newest();
      if (now !== before && !atEnd.current) below.value = true;
      before = now;
    });
  }, [id]);

  return {
    list,
    all,
    below,
    onScroll(): void {
      const both = shown();
      if (!both) return;
      const { box, content } = both;
      // Of its own going down to the end it is told as well: all is as it was looked at then.
      if (atEnd.current && box.scrollTop === known.current.top) return;
      // By the height that was seen: what has come since is not below anybody yet.
      const left = known.current.height - box.scrollTop - box.clientHeight;
      // Whoever goes up, if only by a line, is not taken back down.
      const goesUp = box.scrollTop < known.current.top - 1;
      atEnd.current = left <= AT_END_PX || (!goesUp && left < NEAR_END_PX);
      if (atEnd.current) below.value = false;
      keep(box, content);
      draw(box, content);
    },
    toEnd(): void {
      const box = list.current;
      if (!box) return;
      atEnd.current = true;
      follow(box);
      box.focus({ preventScroll: true });
    },
    isAtEnd: () => atEnd.current,
  };
}
