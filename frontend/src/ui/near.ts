/**
 * Which messages of a long conversation are drawn: those near what is read. The others stand in the page as they were
 * written, so that they are found, read aloud, linked to and copied; their lists, tables and buttons are made when
 * somebody comes near, those of one in each frame, and unmade when they have gone far.
 */
import { signal, type Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isFinalMessage } from "../logic/chat";
import type { Message } from "../types";

const AT_END = 6; // drawn at once: a conversation is shown from its end
const UNDRAWN_AT_ONCE = 4;
const NEAR = 1; // in heights of what is in sight, above it and below it
const FAR = 4;
const FLYING = 0.5; // in a frame: nobody reads what goes past so fast
/** What would be lost with what is drawn, or is being looked at. */
const IN_USE = ":focus, .editing, .version, details[open]";

interface Room {
  messages: readonly Message[];
  /** Ids of those that are drawn, wherever somebody reads. */
  always: ReadonlySet<string>;
  /** Of the others, those that are drawn because somebody reads or has read near them. */
  drawn: Set<string>;
  /** It was in sight, or nearly, since its layout was last forgotten. */
  isLaidOut: boolean;
  changed: Signal<number>;
}

const rooms = new Map<HTMLElement, Room>();
let waiting = false;
let seenTop = 0;

const isOpen = (one: Message) => one.role === "assistant" && (!isFinalMessage(one) || one.status === "failed");
const isDrawn = (room: Room, id: string) => room.always.has(id) || room.drawn.has(id);

/** Whether each message of a piece is drawn. What is in work always is, or has failed: there is something to do. */
export function useNear(piece: { current: HTMLElement | null }, messages: readonly Message[], isLast: boolean): (message: Message) => boolean {
  const own = useRef<Room | null>(null);
  const room = (own.current ??= { messages, always: new Set(), drawn: new Set(), isLaidOut: false, changed: signal(0) });
  room.messages = messages;
  void room.changed.value;
  const always = new Set(messages.filter((one, i) => (isLast && i >= messages.length - AT_END) || isOpen(one)).map(({ id }) => id));
  for (const id of room.always) if (!always.has(id)) room.drawn.add(id); // it goes when somebody has gone far, as the others do
  room.always = always;
  useLayoutEffect(() => {
    const element = piece.current!;
    rooms.set(element, room);
    const turned = (event: Event) => void (room.isLaidOut ||= !(event as ContentVisibilityAutoStateChangeEvent).skipped);
    element.addEventListener("contentvisibilityautostatechange", turned);
    return () => {
      element.removeEventListener("contentvisibilityautostatechange", turned);
      rooms.delete(element);
    };
  }, []);
  return ({ id }) => isDrawn(room, id);
}

interface Found {
  room: Room;
  id: string;
  /** How far it is from what is in sight, in pixels. */
  away: number;
}

/** How far it is from what is in sight, in pixels. */
export function away(element: Element, top: number, bottom: number): number {
  const box = element.getBoundingClientRect();
  return Math.max(0, top - box.bottom, box.top - bottom);
}

function undrawn(room: Room, piece: Element, top: number, bottom: number): Found[] {
  if (room.messages.every(({ id }) => isDrawn(room, id))) return [];
  return room.messages.flatMap(({ id }, i) => {
    const element = piece.children[i];
    return element && !isDrawn(room, id) ? [{ room, id, away: away(element, top, bottom) }] : [];
  });
}

function isInUse(piece: Element): boolean {
  const selection = getSelection();
  return piece.querySelector(IN_USE) !== null || (selection !== null && !selection.isCollapsed && selection.containsNode(piece, true));
}

/** The first child that ends below `top`: they stand one below the other, so it is found by halves. */
export function inSight({ children }: Element, top: number): Element | null {
  let [from, to] = [0, children.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (children[middle]!.getBoundingClientRect().bottom > top) to = middle;
    else from = middle + 1;
  }
  return children[from] ?? null;
}

/** The message to be drawn next: the nearest. */
function nearest(all: Element, top: number, bottom: number, height: number): Found | undefined {
  let found: Found | undefined;
  for (let piece = inSight(all, top - NEAR * height); piece && away(piece, top, bottom) <= NEAR * height; piece = piece.nextElementSibling) {
    const room = rooms.get(piece as HTMLElement);
    for (const one of room ? undrawn(room, piece, top, bottom) : []) {
      if (one.away <= NEAR * height && one.away < (found?.away ?? Infinity)) found = one;
    }
  }
  return found;
}

/** A piece that has gone far and is drawn, or keeps its layout. */
function farthest(top: number, bottom: number, height: number, isFlying: boolean): [HTMLElement, Room] | undefined {
  for (const [piece, room] of rooms) {
    const hasMore = room.drawn.size > 0 ? !isFlying : room.isLaidOut;
    if (hasMore && away(piece, top, bottom) > FAR * height && !isInUse(piece)) return [piece, room];
  }
  return undefined;
}

/**
 * A piece out of sight keeps its last layout, and with it the boxes and letters of all that was seen of it, until it is
 * seen again: those of two thousand messages make each of the browser's collections four times as long. Its height
 * stays remembered.
 */
function forgetLayout(piece: HTMLElement): void {
  piece.style.display = "none";
  void getComputedStyle(piece).display; // now: put back unseen it would change nothing
  piece.style.display = "";
}

function drawOne({ room, id }: Found): void {
  room.drawn.add(id);
  room.changed.value += 1;
}

/** Once none of them is drawn, in a frame of its own, its layout goes. */
function undrawSome(piece: HTMLElement, room: Room): void {
  if (room.drawn.size === 0) {
    room.isLaidOut = false;
    forgetLayout(piece);
    return;
  }
  for (const id of [...room.drawn].slice(0, UNDRAWN_AT_ONCE)) room.drawn.delete(id);
  room.changed.value += 1;
}

/** One of them in a frame. Looked at when the page has been laid out. `box`: what is scrolled;
 * `all`: where the pieces stand. */
export function drawNear(box: HTMLElement, all: Element): void {
  if (waiting) return;
  const isFlying = Math.abs(box.scrollTop - seenTop) > FLYING * box.clientHeight;
  seenTop = box.scrollTop;
  const { top, bottom } = box.getBoundingClientRect();
  const near = isFlying ? undefined : nearest(all, top, bottom, bottom - top);
  const far = near ? undefined : farthest(top, bottom, bottom - top, isFlying);
  if (near) drawOne(near);
  else if (far) undrawSome(...far);
  else if (!isFlying) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (all.isConnected) drawNear(box, all);
  });
}
