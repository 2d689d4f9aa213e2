"""What one takes out of an answer, and what an answer may do: copied to the character, links, images and colours."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

CODE = "def f(x):\n\treturn '→ ± €' # <b> & `x`\n\n    pass  "
ANSWER = (
    f"# Olá *mundo*\n\n1. **one**  \n   two &amp; three\n\n```python\n{CODE}\n```\n\n| a | b |\n|---|---:|\n"
    '| 1 | é🚀 |\n\nA [link](https://example.org/a?b=1#c "title"), <https://example.com/d>, ana@example.com and '
    "![a picture](https://example.invalid/remote.png) end.  \n"
)


def have_answer(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), ANSWER)
    expect(answer_to(page)).to_have_attribute("aria-busy", "false")


def test_what_is_copied_is_the_source_to_the_character(page: Page, fake: FakeCloud) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    have_answer(page, fake)
    said = page.get_by_role("log", name="Messages")
    for name, text in (("Copy", ANSWER), ("Copy the code", CODE)):
        page.evaluate("navigator.clipboard.writeText('something else')")
        said.get_by_role("button", name=name, exact=True).click()
        page.wait_for_function("async () => (await navigator.clipboard.readText()) !== 'something else'")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_links_open_elsewhere_and_tell_nothing_and_no_image_is_loaded(page: Page, fake: FakeCloud) -> None:
    """The page's fixture fails the test where anything beyond this machine is asked for."""
    have_answer(page, fake)
    links = answer_to(page).locator("a[href]")
    addresses = ["https://example.org/a?b=1#c", "https://example.com/d", "mailto:ana@example.com"]
    picture = "https://example.invalid/remote.png"
    assert links.evaluate_all("all => all.map(one => one.getAttribute('href'))") == [*addresses, picture]
    for link in links.all():
        expect(link).to_have_attribute("target", "_blank")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(answer_to(page).get_by_role("link", name="a picture", exact=True)).to_have_attribute("href", picture)
    expect(answer_to(page).locator("img")).to_have_count(0)


def test_code_gets_its_colours_and_keeps_its_characters(page: Page, fake: FakeCloud) -> None:
    have_answer(page, fake)
    code = answer_to(page).locator("pre code")
    expect(code.locator("span.hljs-keyword").first).to_have_text("def")
    expect(code.locator("span.hljs-string")).to_have_text("'→ ± €'")
    assert code.evaluate("(e) => e.textContent") == CODE
    expect(answer_to(page).locator(".code-info")).to_have_text("python")


# Each piece, and what is seen then of what it may have changed.
GROWING = (
    ("Words ", "Words"),
    ("**th", "Words **th"),
    ("at** come are put `beh", "Words that come are put `beh"),
    ("ind` the others, 2 * 3 and a_b", "put behind the others, 2 * 3 and a_b"),
    ("_c.\n\n", "a_b_c."),
    ("A second [1] begins\nand", "A second [1] begins\nand"),
    (" has a line more:\n\n```python\nfor n", "for n"),
    (" in range(3):\n", "for n in range(3):"),
    ("    print(n)\n\n# e", "    print(n)\n\n# e"),
    ("nd\n```\n\n- one\n- tw", "tw"),
    ("o **and** more\n\nIts end", "Its end"),
)


def test_an_answer_that_grew_is_the_one_that_came_whole_and_nothing_of_it_was_made_anew(
    page: Page, fake: FakeCloud
) -> None:
    sign_in(page, fake)
    answer, whole = start_answer(page, fake), ""
    words = answer_to(page).locator(".spoken-as")
    for piece, seen in GROWING:
        fake.delta(answer, len(whole), piece)
        whole += piece
        page.wait_for_function("([e, seen]) => e.textContent.includes(seen)", arg=[words.element_handle(), seen])
        if piece == "Words ":  # the first text is to stay the one it is
            words.evaluate("(e) => { window.first = e.querySelector('p').firstChild }")
            page.evaluate("getSelection().setBaseAndExtent(first, 0, first, 5)")
    fake.finish(answer, whole)
    expect(words.locator("span.hljs-keyword").first).to_have_text("for")
    assert words.evaluate("(e) => e.querySelector('p').firstChild === first && `${getSelection()}`") == "Words"
    grown = words.evaluate("(e) => e.innerHTML")
    page.reload()
    expect(words.locator("span.hljs-keyword").first).to_have_text("for")
    assert words.evaluate("(e) => e.innerHTML") == grown
