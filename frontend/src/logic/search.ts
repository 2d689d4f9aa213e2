/** Which titles a search finds: every word somewhere, whatever its case and accents are. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export function isFound(title: string, words: string): boolean {
  const text = plain(title);
  return plain(words)
    .split(/\s+/)
    .every((word) => text.includes(word));
}
