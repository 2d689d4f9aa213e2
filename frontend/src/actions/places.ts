/** Where in the page a person is, kept in the address: `#c=<conversation>`, `#b`, `#b=<batch>`. */
import { area, batchId, current } from "../state";

export interface Place {
  area: "chats" | "batches";
  id: string | null;
}

export function place(hash: string): Place {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  if (query.has("b")) return { area: "batches", id: query.get("b") || null };
  return { area: "chats", id: query.get("c") || null };
}

export function hashOf({ area, id }: Place): string {
  if (area === "batches") return id ? `#b=${encodeURIComponent(id)}` : "#b";
  return id ? `#c=${encodeURIComponent(id)}` : "";
}

/** Shows what the address says; the other half of the page keeps what was open in it. */
export function arrive(hash: string): void {
  const to = place(hash);
  area.value = to.area;
  if (to.area === "chats") current.value = to.id;
  else batchId.value = to.id;
}

export function go(to: Place): void {
  const hash = hashOf(to);
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname);
  arrive(hash);
}
