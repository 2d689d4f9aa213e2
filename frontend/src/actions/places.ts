/** Where in the page a person is, kept in the address: `#c=<conversation>`, `#b`, `#b=<batch>`, `#u`, `#k`. */
import { area, batchId, current } from "../state";

export interface Place {
  area: "chats" | "batches" | "usage" | "keys";
  id: string | null;
}

export function place(hash: string): Place {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  if (query.has("b")) return { area: "batches", id: query.get("b") || null };
  if (query.has("u")) return { area: "usage", id: null };
  if (query.has("k")) return { area: "keys", id: null };
  return { area: "chats", id: query.get("c") || null };
}

export function hashOf({ area, id }: Place): string {
  if (area === "batches") return id ? `#b=${encodeURIComponent(id)}` : "#b";
  if (area === "keys") return "#k";
  if (area === "usage") return "#u";
  return id ? `#c=${encodeURIComponent(id)}` : "";
}

/** Shows what the address says; the other parts of the page keep what was open in them. */
export function arrive(hash: string): void {
  const to = place(hash);
  area.value = to.area;
  if (to.area === "chats") current.value = to.id;
  else if (to.area === "batches") batchId.value = to.id;
}

export function go(to: Place): void {
  const hash = hashOf(to);
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname);
  arrive(hash);
}
