"""What of a text that would run somewhere a place of the page shows, and what tells that it ran."""

import re

from playwright.sync_api import Locator, expect

WATCH = """
window.seen = [];
addEventListener('securitypolicyviolation', (e) => seen.push(`policy: ${e.effectiveDirective} ${e.blockedURI}`));
// That an observer's news come a frame later is said as an error too; nothing has run.
addEventListener('error', (e) => e.message.startsWith('ResizeObserver loop') || seen.push(`error: ${e.message}`));
addEventListener('unhandledrejection', (e) => seen.push(`rejected: ${e.reason}`));
"""

READ = """(e) => {
  const nodes = document.createTreeWalker(e, NodeFilter.SHOW_TEXT), parts = [e.textContent];
  while (nodes.nextNode()) parts.push(nodes.currentNode.data);
  for (const link of e.querySelectorAll('a')) parts.push(link.href, link.title);
  return parts.join(' ');
}"""


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.replace("[x]", "").replace("[X]", "")))


def shows(place: Locator, text: str) -> None:
    """Every word of it stands there, in the text or in the address of a link that a person may open."""
    expect(place).to_be_attached()
    found = words(str(place.evaluate(READ)))
    assert words(text) <= found, (text, words(text) - found)
