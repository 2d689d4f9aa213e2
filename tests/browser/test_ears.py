"""What somebody hears who does not see the page: by the tree that a screen reader reads, and by its one live region."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import answer_to, sign_in, start_answer, start_answer_in, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

LIVE_REGIONS = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=timer], [role=marquee], output"
# Each line that comes into the live region, as a screen reader takes it up.
LISTEN = """() => {
  window.heard = [];
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) heard.push(node.textContent);
  }).observe(document.querySelector('[role=status]'), {childList: true, subtree: true});
}"""
WORDS = {
    "en": {
        "in": "Sign in", "box": "Message", "log": "Messages", "you": "You", "ready": "Answer is ready.",
        "failed": "The answer failed: The model's engine failed on this message. "
        "Ask again; if it happens twice, shorten the message.",
        "answer": "A queue is what people stand in, and the first of them is the first to be served.", "lang": "en",
    },
    "pt": {
        "in": "Entrar", "box": "Mensagem", "log": "Mensagens", "you": "Você", "ready": "Resposta pronta.",
        "failed": "A resposta falhou: O modelo falhou ao responder a esta mensagem. "
        "Pergunte de novo; se acontecer outra vez, encurte a mensagem.",
        "answer": "Uma fila é onde as pessoas esperam, e quem chega primeiro é atendido primeiro.", "lang": "pt-BR",
    },
}  # fmt: skip


def tree(page: Page) -> list[tuple[str, str]]:
    """Role and name of everything that a screen reader finds, in its order."""
    session = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}
    found: list[tuple[str, str]] = []

    def walk(node: dict[str, Any]) -> None:
        if not node["ignored"]:
            found.append((node["role"]["value"], str(node.get("name", {}).get("value", ""))))
        for child in node.get("childIds", []):
            if child in by_id:
                walk(by_id[child])

    walk(nodes[0])
    session.detach()
    return found


def heard(page: Page) -> list[str]:
    return [str(one) for one in page.evaluate("window.heard")]


def hear(page: Page, *lines: str) -> None:
    """Exactly these, and nothing else in half a second more."""
    page.wait_for_function("(n) => window.heard.length >= n", arg=len(lines))
    page.wait_for_timeout(500)
    assert heard(page) == list(lines)
    page.evaluate("window.heard = []")


@pytest.mark.parametrize("language", ["en", "pt"])
def test_sign_in_ask_hear_that_the_answer_is_there_and_read_it(
    browser: Browser, fake: FakeCloud, language: str
) -> None:
    words = WORDS[language]
    page = browser.new_context(locale="pt-BR" if language == "pt" else "en-US").new_page()
    page.goto(fake.url)
    expect(page.get_by_role("button", name=words["in"])).to_be_visible()
    found = tree(page)
    assert ("heading", "Forever Us") in found and ("button", words["in"]) in found
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.textContent") != words["in"]:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name=words["box"], exact=True)).to_be_visible()
    found = tree(page)
    roles = [role for role, _ in found]
    assert (roles.count("status"), roles.count("log"), roles.count("main"), roles.count("banner")) == (1, 1, 1, 1)
    assert ("textbox", words["box"]) in found and ("log", words["log"]) in found

    page.evaluate(LISTEN)
    answer = start_answer_in(page, fake)
    sent = 0
    for piece in words["answer"].split(" "):
        fake.delta(answer, sent, f"{piece} ")
        sent += len(piece) + 1
    expect(page.locator("article").last).to_contain_text(words["answer"])
    # An answer that grows is in no region that speaks by itself.
    assert page.locator("article").last.evaluate(f"(e) => e.closest('{LIVE_REGIONS}')") is None
    assert page.locator("#messages").get_attribute("aria-live") == "off"
    assert heard(page) == []
    fake.finish(answer, words["answer"])
    hear(page, words["ready"])

    found = tree(page)
    log = found[found.index(("log", words["log"])) :]
    read = [name for role, name in log if role in ("article", "StaticText")]
    assert read.index(words["you"]) < read.index("What is a queue?") < read.index(words["answer"])
    spoken_as = page.locator("article").last.locator("[lang]").first
    expect(spoken_as).to_have_attribute("lang", words["lang"])
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR" if language == "pt" else "en-US")

    fake.finish(start_answer_in(page, fake), "", status="failed", error={"code": "engine_failed", "message": "x"})
    hear(page, words["failed"])
    page.context.close()


def test_every_answer_is_told_of_by_whatever_way_it_comes(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.evaluate(LISTEN)
    fake.finish(start_answer(page, fake), "By the line.")
    hear(page, "Answer is ready.")

    answer = start_answer(page, fake)
    fake.refuse_sockets = True
    fake.drop_lines()
    answer.update(content="While the line was away.", status="answered")
    fake.refuse_sockets = False
    expect(answer_to(page)).to_contain_text("While the line was away.")
    page.wait_for_timeout(600)
    assert heard(page).count("Answer is ready.") == 1
    page.wait_for_function("() => document.querySelector('[role=status]').textContent === ''")
    page.evaluate("window.heard = []")

    answer = start_answer(page, fake)
    page.get_by_role("link", name="Keys").click()
    wait_for_subscription(page, fake, f"conversation:{answer['conversation_id']}")
    fake.finish(answer, "While somebody looked elsewhere.")
    page.wait_for_function("() => window.heard.some((one) => one.includes('The answer in'))")


def test_the_meter_of_a_gpu_says_its_state_once(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.evaluate(LISTEN)
    fake.start_session()
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    page.evaluate(LISTEN)
    fake.set_session(session_id, status="serving")
    page.wait_for_function("() => window.heard.length === 1")
    for tokens in range(5):
        usage = {"prompt_tokens": tokens, "completion_tokens": tokens, "messages": tokens}
        fake.set_session(session_id, usage=usage)
    page.wait_for_timeout(500)
    assert len(heard(page)) == 1
    assert page.locator("[role=status]").count() == 1


def test_an_error_is_said_with_its_next_step_and_a_number_to_copy(browser: Browser, fake: FakeCloud) -> None:
    for locale, words, sentence, details, copy in (
        ("en-US", "You already have as many open batches", "wait for one to end", "Details", "Copy number"),
        ("pt-BR", "O servidor está ocupado e não guardou nada.", "Tente de novo", "Detalhes", "Copiar número"),
    ):
        context = browser.new_context(locale=locale)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(fake.url)
        page.locator("button.primary").click()
        expect(page.locator("#message")).to_be_visible()
        fake.says = f"{words}: {sentence}."
        fake.troubles += [("POST", "/messages", 503)] * 4
        page.locator("#message").fill("Oi")
        page.locator("#message").press("Enter")
        failed = page.get_by_role("alert")
        expect(failed).to_contain_text(words)
        failed.get_by_text(details, exact=True).press("Enter")
        number = failed.locator("code").inner_text()
        assert number.startswith("request-")
        expect(failed.locator(".trace")).to_contain_text("503")
        failed.get_by_role("button", name=copy).press("Enter")
        expect(failed.get_by_role("button", name={"en-US": "Copied", "pt-BR": "Copiado"}[locale])).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == number
        context.close()


MOVING = "() => document.getAnimations().filter((one) => one.playState === 'running').length"


@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_who_asks_for_less_motion_sees_none(
    browser: Browser, fake: FakeCloud, wish: Literal["reduce", "no-preference"]
) -> None:
    """While an answer is waited for and a GPU boots, which breathe for everybody else."""
    context = browser.new_context(locale="en-US", reduced_motion=wish)
    page = context.new_page()
    sign_in(page, fake)
    start_answer(page, fake)
    fake.start_session()
    page.reload()
    expect(page.locator(".dots").first).to_be_visible()
    expect(page.locator(".graph-now").first).to_be_visible()
    page.wait_for_function("() => document.readyState === 'complete'")
    running = page.evaluate(MOVING)
    assert running >= 2 if wish == "no-preference" else running == 0
    page.get_by_role("link", name="Batches", exact=True).click()
    page.get_by_text("Drop a file here").hover()
    page.locator(".drop").dispatch_event("dragover")
    expect(page.locator(".drop[data-over=true]")).to_be_visible()
    if wish == "reduce":
        assert page.evaluate("() => document.getAnimations().length") == 0, "nor does anything fade"
    context.close()
