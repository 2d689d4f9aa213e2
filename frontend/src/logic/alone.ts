/** Work of which one tab at a time does one, in the order in which it was asked for. */
const tails = new Map<string, Promise<unknown>>();

export function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  if (locks) return locks.request(name, work) as Promise<T>; // given up by a tab that is closed
  const done = (tails.get(name) ?? Promise.resolve()).then(work, work);
  tails.set(name, done);
  return done;
}
