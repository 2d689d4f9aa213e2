/** Which titles a search finds: every word somewhere, whatever its case and accents are. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export function isFound(title: string, words: string): boolean {
  return hasWords(plain(title), words);
}

/** `text` is plain already. */
export function hasWords(text: string, words: string): boolean {
  return plain(words)
    .split(/\s+/)
    .every((word) => text.includes(word));
}
