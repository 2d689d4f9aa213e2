/** Conversations that were open on this device, in its browser's database. Loaded lazily; logic/kept.ts has the bounds. */
import { clock } from "./logic/clock";
import { KEPT_MS, tooMany, type KeptChat, type KeptPerson } from "./logic/kept";

const NAME = "foreverus-history";
const STORE = "kept";

const personKey = (person: string) => `p.${person}`;
const chatKey = (person: string, id: string) => `c.${person}.${id}`;

function opened(): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close(); // another tab deletes it
      done(request.result);
    };
    request.onerror = () => fail(request.error);
  });
}

/** What `work` asks of the store, once it is all done. */
async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T> | void): Promise<T | undefined> {
  const database = await opened();
  try {
    return await new Promise((done, fail) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request?.result);
      transaction.onabort = transaction.onerror = () => fail(transaction.error);
    });
  } finally {
    database.close();
  }
}

async function entries(): Promise<{ key: string; at: number }[]> {
  const found: { key: string; at: number }[] = [];
  await within("readonly", (store) => {
    const walk = store.openCursor();
    walk.onsuccess = () => {
      const cursor = walk.result;
      if (!cursor) return;
      found.push({ key: String(cursor.key), at: (cursor.value as { at?: number }).at ?? 0 });
      cursor.continue();
    };
  });
  return found;
}

async function drop(keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await within("readwrite", (store) => keys.forEach((key) => void store.delete(key)));
}

/** What others have read here goes when somebody else signs in, and what is too old or too much. */
export async function tidy(person: string): Promise<void> {
  const all = await entries();
  const mine = all.filter(({ key }) => key === personKey(person) || key.startsWith(chatKey(person, "")));
  const kept = new Set(mine.map(({ key }) => key));
  const chats = mine.filter(({ key }) => key !== personKey(person));
  await drop([...all.map(({ key }) => key).filter((key) => !kept.has(key)), ...tooMany(chats, clock.now())]);
}

export async function keepPerson(person: KeptPerson): Promise<void> {
  await within("readwrite", (store) => store.put(person, personKey(person.id)));
}

export const person = (id: string): Promise<KeptPerson | undefined> => within("readonly", (store) => store.get(personKey(id)));

/** Who was here last, for a page that opens where nobody can be asked who is there. */
export async function lastPerson(): Promise<KeptPerson | undefined> {
  const people = (await entries()).filter(({ key, at }) => key.startsWith("p.") && clock.now() - at <= KEPT_MS);
  const [last] = people.sort((a, b) => b.at - a.at);
  return last ? within("readonly", (store) => store.get(last.key)) : undefined;
}

export const chat = (of: string, id: string): Promise<KeptChat | undefined> => within("readonly", (store) => store.get(chatKey(of, id)));

export async function keepChat(of: string, id: string, kept: KeptChat): Promise<void> {
  await within("readwrite", (store) => store.put(kept, chatKey(of, id)));
}

export const dropChat = (of: string, id: string): Promise<void> => drop([chatKey(of, id)]);

/** Of a person's conversations, only these. */
export async function keepOnly(of: string, ids: readonly string[]): Promise<void> {
  const there = new Set(ids.map((id) => chatKey(of, id)));
  const all = await entries();
  await drop(all.map(({ key }) => key).filter((key) => key.startsWith(chatKey(of, "")) && !there.has(key)));
}

export async function dropAll(): Promise<void> {
  await within("readwrite", (store) => void store.clear());
}
