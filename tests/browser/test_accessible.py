"""axe-core finds nothing on any view, in either theme and language, on a wide page and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import start_answer_in, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud, instant
from tests.browser.test_usage_page import with_use

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ANSWER = "# Title\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n```python\nx = 1  # long\n```\n[link](https://x.org)"
WORDS = {
    "en": {"in": "Sign in", "batches": "Batches", "usage": "Usage", "keys": "Keys"},
    "pt": {"in": "Entrar", "batches": "Lotes", "usage": "Uso", "keys": "Chaves"},
}


def problems(page: Page) -> list[str]:
    run = "(rules) => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"
    found = page.evaluate(run, RULES)["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def look(page: Page, view: str, found: dict[str, list[str]]) -> None:
    page.wait_for_timeout(50)  # one frame: what changes colour does so at once
    if these := problems(page):
        found[view] = these


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "pt"])
def test_nobody_is_shut_out(browser: Browser, fake: FakeCloud, language: str, theme: str, width: int) -> None:
    words, found = WORDS[language], dict[str, list[str]]()
    fake.have_conversations("Photosynthesis", "Syntax")
    fake.make_key({"name": "laptop", "expires_at": None, "can_create_keys": True})
    with_use(fake)
    locale = "pt-BR" if language == "pt" else "en-US"
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        bypass_csp=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(fake.url)
    page.add_script_tag(path=AXE)
    expect(page.get_by_role("button", name=words["in"])).to_be_visible()
    look(page, "signed out", found)
    page.get_by_role("button", name=words["in"]).click()
    expect(page.locator("#message")).to_be_visible()
    page.add_script_tag(path=AXE)
    look(page, "first visit", found)
    answer = start_answer_in(page, fake)
    look(page, "a question in work", found)
    choice = {"backend": "bedrock", "reason": "nothing_live", "text": "", "numbers": {"bedrock_usd": 0.1, "gpu_usd": 1}}
    fake.finish(answer, ANSWER, backend="bedrock", choice=choice, trimmed_messages=3)
    expect(page.locator(".why summary").last).to_be_visible()
    page.locator(".said .why summary").click()
    look(page, "an answer", found)
    fake.start_session()
    page.reload()
    page.add_script_tag(path=AXE)
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launches = [{"launched_at": instant(-3), "gpu_usd_per_hour": 0.4}]
    spend = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.42, "launches": launches, "notice": 80}
    fake.set_session(session_id, status="serving", launched_at=instant(-3), spend=spend)
    expect(page.locator(".strip-on")).to_be_visible()
    look(page, "a GPU that is on", found)
    for view in ("batches", "usage", "keys"):
        if width < 720:
            page.locator(".toggle-side").click()
            look(page, "the drawer", found)
        page.locator(".areas").get_by_role("link", name=words[view], exact=True).click()
        expect(page.locator(".batch h2")).to_be_visible()
        page.wait_for_timeout(300)
        look(page, view, found)
    context.close()
    said = "\n".join(f"{view}: {one}" for view, these in found.items() for one in these)
    assert not found, said
