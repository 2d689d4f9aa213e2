/**
 * The trace of what a click begins: API Gateway and all behind it go on in it, down to the saved answer. Only its name is
 * ours; whether it is kept is X-Ray's decision.
 */

/** `now`: ms since 1970, by the server's clock: X-Ray takes no trace of another month. */
export function traceHeader(now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(12));
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return `Root=1-${hex(Math.floor(now / 1000), 8)}-${[...random].map((byte) => hex(byte, 2)).join("")}`;
}
