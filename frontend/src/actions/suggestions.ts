/** What a question says about who asks it is offered to be remembered, where they have switched that on. Loaded then.
 *
 * What was declined, or kept, is not offered again on this device: by a digest for each person, which nobody can read. */
import { keepsHere } from "../logic/keeping";
import { suggestedMemory } from "../logic/suggest";

const SETTLED = "foreverus.settled"; // goes at sign-out, as all that stands there
const MOST_SETTLED = 200; // the newest
const settledHere = new Set<string>(); // while the page is open, on a device that is to keep nothing, too

async function digestOf(person: string, text: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${person}\n${text.toLocaleLowerCase()}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest.slice(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function kept(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(SETTLED) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return []; // a forbidden store, or what another version has kept
  }
}

/** What of the question is offered; null: nothing. */
export async function suggestionIn(person: string, question: string): Promise<string | null> {
  const text = suggestedMemory(question);
  if (text === null) return null;
  const digest = await digestOf(person, text);
  return settledHere.has(digest) || kept().includes(digest) ? null : text;
}

/** It was declined, or kept in these words or in others. */
export async function settle(person: string, text: string): Promise<void> {
  const digest = await digestOf(person, text);
  settledHere.add(digest);
  if (!keepsHere()) return;
  try {
    localStorage.setItem(SETTLED, JSON.stringify([...kept().filter((one) => one !== digest), digest].slice(-MOST_SETTLED)));
  } catch {
    // A full or forbidden store: it holds as long as the page is open.
  }
}
