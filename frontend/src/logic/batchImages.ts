/** The images of a line: the server's rules (abilities/read_image/parts.py), as far as they are of a line's text. How many
    pixels one has, and whether it is whole, the server looks at before anything is spent. */
import { isObject } from "./batchValues";
import type { Found } from "./batchFindings";

const MOST_IMAGES = 4; // of one message
const MOST_IN_ALL = 20;
const MOST_BYTES = 3_750_000;
const MOST_HEAD = 256; // characters of a data: URL before its bytes
const DATA = /^data:[^,;]*(?:;[^,;]*)*;base64,/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const KINDS = /^(?:\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF[^]{4}WEBP)/;
const KNOWN = ["text", "image_url", "file"] as const;

type Json = Record<string, unknown>;

/** The first thing that is wrong with the images of a body that fits its schema. */
export function imageProblem(body: unknown): Found | null {
  const messages = isObject(body) && Array.isArray(body["messages"]) ? (body["messages"] as Json[]) : [];
  let count = 0;
  for (const [number, message] of messages.entries()) {
    if (!Array.isArray(message["content"])) continue;
    const place = `body.messages[${number}].content`;
    const parts = message["content"] as Json[];
    for (const [at, part] of parts.entries()) {
      const found = partProblem(`${place}[${at}]`, part);
      if (found) return found;
    }
    const images = parts.filter((part) => part["type"] !== "text").length;
    if (images && message["role"] !== "user") return { code: "invalid_field", param: place, hint: "image_user" };
    if (images > MOST_IMAGES) return { code: "invalid_field", param: place, hint: "images", values: { most: MOST_IMAGES } };
    count += images;
  }
  if (count <= MOST_IN_ALL) return null;
  return { code: "invalid_field", param: "body.messages", hint: "images", values: { most: MOST_IN_ALL } };
}

function partProblem(place: string, part: Json): Found | null {
  const type = part["type"] as string;
  if (!(type in part)) return { code: "missing_field", param: `${place}.${type}` };
  const [extra] = KNOWN.filter((name) => name !== type && name in part).sort();
  if (extra) return { code: "invalid_field", param: `${place}.${extra}`, hint: "leave_out" };
  if (type !== "image_url") return null;
  return urlProblem(`${place}.image_url.url`, String((part["image_url"] as Json)["url"]));
}

function urlProblem(param: string, url: string): Found | null {
  const [head] = DATA.exec(url.slice(0, MOST_HEAD)) ?? [];
  if (head === undefined) return { code: "image_not_fetched", param, hint: "image_url" };
  const bytes = url.slice(head.length);
  if (bytes.length % 4 || !BASE64.test(bytes)) return { code: "invalid_field", param, hint: "base64" };
  if (!KINDS.test(atob(bytes.slice(0, 16)))) return { code: "invalid_image", param, hint: "image_kind" };
  const padding = bytes.endsWith("==") ? 2 : Number(bytes.endsWith("="));
  const size = (bytes.length / 4) * 3 - padding;
  if (size > MOST_BYTES) return { code: "invalid_image", param, hint: "limit", values: { most: MOST_BYTES } };
  return null;
}
