"""Every component in every state, without a cloud: the story page (`make page-stories`).

What is drawn is compared with itself and not with stored pictures, which differ with each machine's fonts: a theme may
change colours and no box, a language words and no structure, and nothing may be wider than the page or cut off. See
docs/decisions/0041-stories-are-compared-with-each-other.md.
"""

import functools
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import looks
from tests.browser.test_accessible import AXE

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".local" / "node" / "bin"
# Closes what it has not opened, and turns the rest; where a name ends.
NAMED, NAMED_END = "\u2069\u202e", "\u00a4"
LOCALES = {"en": "en-US", "pt": "pt-BR"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Components that need no story, and why.
NO_STORY: dict[str, str] = {}

# Of each element that is shown: what it is and where. `wide`: what sticks out of the page. `cut`: words whose own box
# is smaller than they are and cannot be scrolled.
SEEN = """() => {
  const story = document.getElementById("story"), boxes = [], wide = [], cut = [];
  for (const one of story.querySelectorAll("*")) {
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    const name = `${one.tagName.toLowerCase()}.${one.getAttribute("class") ?? ""}`;
    if (/^H\\d$/.test(one.tagName) && one.checkVisibility() && box.width < 40) cut.push(name);
    if (!box.width || one.closest(".spoken")) continue;
    boxes.push([name, Math.round(box.x), Math.round(box.y), Math.round(box.width), Math.round(box.height)].join(" "));
    if (box.right > innerWidth + 1 && !one.parentElement.closest(".table, pre, .results")) wide.push(name);
    const hides = style.overflowX === "hidden" && style.textOverflow !== "ellipsis";
    // What sticks out of a cell stands on the words of the next one.
    if (/^(td|th|dd|dt|time)$/.test(one.localName) && style.display !== "inline" && style.overflowX === "visible") {
      const around = one.closest(".table") ?? one.closest("section, aside, #story");
      const out = around.className !== "table" && box.right > around.getBoundingClientRect().right + 1;
      if (out || one.scrollWidth > one.clientWidth + 1) cut.push(name);
    }
    if (one.type === "checkbox" && box.width > 24) wide.push(`${name}, which fills its row,`);
    if (hides && one.scrollWidth > one.clientWidth + 1 && one.textContent.trim()) cut.push(name);
  }
  return {boxes, wide, cut, text: story.textContent.trim()};
}"""
# Of each text that is shown, its words outside of what somebody named that stand in the wrong order: of two letters on
# one line the second is left of the first.
TURNED = """() => {
  const turned = [], walk = document.createTreeWalker(document.getElementById("story"), NodeFilter.SHOW_TEXT);
  const names = /[\\u2068\\u2069]?\\u202e[^\\u00a4]*\\u00a4\\u2069*/g, range = document.createRange();
  const at = (node, i) => (range.setStart(node, i), range.setEnd(node, i + 1), range.getClientRects()[0]);
  let named = 0;
  while (walk.nextNode()) {
    const node = walk.currentNode, text = node.data, own = [...text.matchAll(names)];
    named += own.length;
    if (!node.parentElement.checkVisibility() || node.parentElement.closest(".bubble, pre, svg, option, bdi")) continue;
    const isNamed = (i) => own.some((one) => i >= one.index && i < one.index + one[0].length);
    for (let i = 1; i < text.length; i++) {
      if (isNamed(i) || isNamed(i - 1) || !/\\w\\w/.test(text.slice(i - 1, i + 1))) continue;
      const [before, here] = [at(node, i - 1), at(node, i)];
      if (before?.width && here?.width && before.top === here.top && here.left < before.left) {
        turned.push(text);
        break;
      }
    }
  }
  return {named, turned};
}"""
AXE_RUN = """async (rules) => {
  const found = await axe.run("#story", {runOnly: {type: "tag", values: rules}, resultTypes: ["violations"]});
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target}`));
}"""


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the story page, built anew: in a folder of its own, since each process of the tests builds one."""
    built = tmp_path_factory.mktemp("stories")
    path = os.pathsep.join([str(NODE), os.environ.get("PATH", "")])
    vite = ["node", "node_modules/vite/bin/vite.js", "build", "--config", "vite.stories.ts", "--outDir", str(built)]
    subprocess.run(vite, cwd=ROOT / "frontend", env={**os.environ, "PATH": path}, check=True, capture_output=True)
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=built)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def opened(browser: Browser, address: str, language: str, width: int) -> Page:
    context = browser.new_context(
        locale=LOCALES[language], viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("window.stories")
    page.add_script_tag(path=AXE)
    return page


def turned(page: Page, name: str) -> None:
    page.evaluate("(name) => story(name)", name)  # until what somebody does in it is done
    page.locator("#story > *").first.wait_for()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def in_both_themes(page: Page) -> dict[str, Any]:
    """What is seen in each, once it is seen twice alike: a part of it may still have been on its way."""
    for _ in looks(page):
        seen = []
        for theme in ("light", "dark", "light"):
            page.emulate_media(color_scheme=theme)
            seen.append(page.evaluate(SEEN))
        if seen[0] == seen[2]:
            return dict(zip(("light", "dark"), seen, strict=False))
    raise AssertionError("it does not come to rest")


def roles(page: Page) -> list[str]:
    """The accessibility tree without its words."""
    tree = page.locator("#story").aria_snapshot()
    return [
        found[1] for line in tree.splitlines() if (found := re.match(r"\s*- (?:')?(\w+)", line)) and found[1] != "text"
    ]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", LOCALES)
def test_a_theme_changes_colours_and_no_box(browser: Browser, stories: str, language: str, width: int) -> None:
    page = opened(browser, stories, language, width)
    problems = []
    for name in page.evaluate("stories"):
        turned(page, name)
        seen = in_both_themes(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            problems += [f"{name}, {theme}: {one}" for one in page.evaluate(AXE_RUN, RULES)]
        light = seen["light"]
        assert light["text"], f"{name} shows nothing"
        problems += [f"{name}: {one} is wider than the page" for one in light["wide"]]
        problems += [f"{name}: {one} is cut off" for one in light["cut"]]
        problems += [f"{name}: {one}" for one in set(light["boxes"]) ^ set(seen["dark"]["boxes"])]
    page.context.close()
    assert problems == []


def test_a_name_turns_no_word_beside_it(browser: Browser, stories: str) -> None:
    """Each name of every story begins with U+202E, which turns what comes after it until its paragraph ends."""
    page = opened(browser, stories, "en", 1280)
    problems, named = [], 0
    for name in page.evaluate("stories"):
        page.evaluate("([name, around]) => story(name, around)", [name, [NAMED, NAMED_END]])
        page.locator("#story > *").first.wait_for()
        found = page.evaluate(TURNED)
        named += found["named"]
        problems += [f"{name}: {one}" for one in found["turned"]]
    page.context.close()
    assert named > 100
    assert problems == []


def test_a_part_that_comes_as_it_is_drawn_is_shown(browser: Browser, stories: str) -> None:
    page = opened(browser, stories, "en", 1280)
    turned(page, "wait: its code comes as it is drawn")
    expect(page.locator("#story").get_by_text("Send")).to_have_count(2)
    page.context.close()


def test_every_component_has_a_story(browser: Browser, stories: str) -> None:
    """By what is really drawn, each that a file of src/ui/ exports: one that is new and has no story is named here."""
    page = opened(browser, stories, "en", 1280)
    before = page.evaluate("undrawn()")
    assert "BatchTable.tsx default" in before, "nothing was shown yet"
    for name in page.evaluate("stories"):
        turned(page, name)
    for _ in looks(page):  # a part of one may still be on its way
        missing = page.evaluate("undrawn()")
        if not set(missing) - set(NO_STORY):
            break
    page.context.close()
    assert sorted(set(missing) - set(NO_STORY)) == [], "add a story to frontend/stories/"
    assert sorted(set(NO_STORY) - set(missing)) == [], "these have one"


def test_every_component_is_in_the_folder_that_is_looked_at() -> None:
    elsewhere = [one for one in (ROOT / "frontend" / "src").rglob("*.tsx") if one.parent.name != "ui"]
    assert [one.name for one in elsewhere] == ["main.tsx"]


def test_a_language_changes_words_and_no_structure(browser: Browser, stories: str) -> None:
    pages = [opened(browser, stories, language, 1280) for language in LOCALES]
    for name in pages[0].evaluate("stories"):
        for page in pages:
            turned(page, name)
        english, portuguese = pages
        for _ in looks(portuguese):  # a part of one may still be on its way
            if roles(english) == roles(portuguese):
                break
        assert roles(english) == roles(portuguese), name
        assert english.locator("#story").inner_text() != portuguese.locator("#story").inner_text(), name
    for page in pages:
        page.context.close()
