/** What could not be fetched is said where it would stand (ui/Wait.tsx), and is asked for again when the line is back. */
import { unfetched } from "../state";
import { reportBeside } from "./notices";

export function missed(name: string, again: () => void): void {
  unfetched.value = new Map([...unfetched.value, [name, again]]);
}

export function had(name: string): void {
  if (unfetched.value.has(name)) unfetched.value = new Map([...unfetched.value].filter(([other]) => other !== name));
}

/** `name`: of what `work` fetches. Never rejects. */
export async function fetching(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    had(name);
  } catch (error) {
    missed(name, () => void fetching(name, work));
    reportBeside(error);
  }
}

export function fetchAgain(): void {
  for (const again of [...unfetched.value.values()]) again();
}
