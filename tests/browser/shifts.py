"""What moves on the page though nobody has touched it, as Chromium counts it (web.dev/articles/cls)."""

from dataclasses import dataclass

from playwright.sync_api import Page

# Each source as it is when it moved: the page draws it anew soon.
WATCH = """
window.shifts = [];
new PerformanceObserver((list) => {
  const named = (node) => {
    if (!node) return "(gone)";
    const element = node.nodeType === 1 ? node : node.parentElement;
    if (!element) return node.nodeName;
    const own = element.tagName.toLowerCase() + (element.id && "#" + element.id);
    return own + [...element.classList].map((one) => "." + one).join("");
  };
  const box = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(",");
  for (const one of list.getEntries())
    window.shifts.push({
      value: one.value,
      sources: one.sources.map((it) => `${named(it.node)} ${box(it.previousRect)} to ${box(it.currentRect)}`),
    });
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True)
class Shift:
    """`value`: the part of what is in sight that moved, by how far of it it did. `sources`: what, with its place before
    and after: left, top, width, height."""

    value: float
    sources: tuple[str, ...]


def watch_shifts(page: Page) -> None:
    """In each document that the tab opens from now on."""
    page.add_init_script(WATCH)


def shifts(page: Page) -> list[Shift]:
    """Of the document that is open, all of them: also those that a click of a moment ago would excuse."""
    return [Shift(one["value"], tuple(one["sources"])) for one in page.evaluate("window.shifts")]
