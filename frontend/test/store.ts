/** A browser's storage, as far as the page uses it. Its entries are its own properties, as a browser's are. */
export class Store implements Storage {
  [name: string]: unknown;
  declare full: boolean;
  constructor() {
    Object.defineProperty(this, "full", { value: false, writable: true, enumerable: false });
  }
  get length(): number {
    return Object.keys(this).length;
  }
  all(): Record<string, unknown> {
    return { ...this };
  }
  key(at: number): string | null {
    return Object.keys(this)[at] ?? null;
  }
  getItem(name: string): string | null {
    return (this[name] as string | undefined) ?? null;
  }
  setItem(name: string, value: string): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this[name] = value;
  }
  removeItem(name: string): void {
    delete this[name];
  }
  clear(): void {
    for (const name of Object.keys(this)) delete this[name];
  }
}
