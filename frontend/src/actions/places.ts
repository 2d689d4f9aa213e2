/** Where in the page a person is, kept in the address: `#c=<conversation>`, `#n=<chain>`, `#b`, `#b=<batch>`, `#u`, `#k`, `#d`, `#d=<place>`, `#p`. */
import { reading } from "../documents";
import { readPlace } from "../logic/textPlace";
import { area, batchId, current, fresh } from "../state";

export interface Place {
  area: "chats" | "batches" | "docs" | "usage" | "keys" | "prefs";
  id: string | null;
  /** Of a conversation that is still to be made: the chain of what was typed for it. */
  fresh?: string | null;
}

/** What of a part of the page gets the keyboard: what is done there. */
export const DOING: Readonly<Record<Place["area"], string>> = { chats: "message", batches: "batch", docs: "docs", usage: "usage", keys: "keys", prefs: "prefs" };

export function place(hash: string): Place {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  if (query.has("b")) return { area: "batches", id: query.get("b") || null };
  if (query.has("d")) return { area: "docs", id: query.get("d") || null };
  if (query.has("u")) return { area: "usage", id: null };
  if (query.has("k")) return { area: "keys", id: null };
  if (query.has("p")) return { area: "prefs", id: null };
  return { area: "chats", id: query.get("c") || null, fresh: query.get("n") || null };
}

export function hashOf({ area, id, fresh }: Place): string {
  if (area === "batches" || area === "docs") return `#${area[0]}${id ? `=${encodeURIComponent(id)}` : ""}`;
  if (area === "keys") return "#k";
  if (area === "usage") return "#u";
  if (area === "prefs") return "#p";
  if (!id && fresh) return `#n=${encodeURIComponent(fresh)}`;
  return id ? `#c=${encodeURIComponent(id)}` : "";
}

/** Shows what the address says; the other parts of the page keep what was open in them. */
export function arrive(hash: string): void {
  const to = place(hash);
  area.value = to.area;
  if (to.area === "chats") [current.value, fresh.value] = [to.id, to.fresh ?? null];
  else if (to.area === "batches") batchId.value = to.id;
  reading.value = to.area === "docs" ? readPlace(to.id) : null;
}

export function go(to: Place, replace = false): void {
  const hash = hashOf(to);
  if (location.hash !== hash) history[replace ? "replaceState" : "pushState"](null, "", hash || location.pathname);
  arrive(hash);
}
