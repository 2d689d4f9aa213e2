"""Forty texts that would run somewhere, in every place of the page that shows what somebody else wrote: none runs, all
are shown, and the policy that stands over the page has nothing to forbid."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import answer_to, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud, instant
from tests.browser.shown import WATCH, shows
from tests.browser.test_markup import LIVE, nothing_came_alive
from tests.pentest.payloads import PAYLOADS

pytestmark = pytest.mark.browser


def test_there_are_forty_and_more() -> None:
    assert len(set(PAYLOADS)) >= 40


def test_the_policy_stands_and_would_stop_what_came_through(browser: Browser, fake: FakeCloud) -> None:
    """What the page itself never does: the browser forbids it, so that the other tests look at a wall that is there."""
    page = browser.new_context(locale="en-US").new_page()
    page.add_init_script(WATCH)
    sign_in(page, fake)
    for trick in (
        "document.body.innerHTML = '<img src=x onerror=window.pwned=1>'",
        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
        "Object.assign(document.createElement('script'), {text: 'window.pwned=1'})",
        "Object.assign(document.createElement('script'), {src: '/x.js'})",
        "setTimeout('window.pwned=1')",
        "Function('window.pwned=1')()",
        "new DOMParser().parseFromString('<b>x</b>', 'text/html')",
        "trustedTypes.createPolicy('mine', {createHTML: (x) => x})",
        "document.write('<b>x</b>')",
    ):
        # Behind a timer: what a debugger evaluates itself, the policy on `eval` does not bind.
        tried = f"try {{ {trick}; done('done') }} catch (e) {{ done(e.name) }}"
        run = f"() => new Promise((done) => setTimeout(() => {{ {tried} }}))"
        assert page.evaluate(run) in ("TypeError", "EvalError"), trick
    page.evaluate("fetch('https://example.invalid/').catch(() => 0)")
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://example.invalid/x.png'}))")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("document.body.append(Object.assign(document.createElement('iframe'), {src: '/'}))")
    page.wait_for_function("() => window.seen.length > 0")
    page.wait_for_timeout(200)
    told = " ".join(page.evaluate("window.seen"))
    for directive in ("require-trusted-types-for", "connect-src", "img-src", "style-src", "frame-src"):
        assert directive in told, (directive, told)
    assert page.evaluate("window.pwned") is None
    page.context.close()


@pytest.mark.parametrize("language", ["en", "pt"])
def test_conversation(watched: Page, fake: FakeCloud, language: str) -> None:
    """As title, question, whole answer, and an answer that failed with it for a reason: read from the server."""
    ids = fake.have_conversations("Plain", *PAYLOADS)
    shared = {"object": "message", "conversation_id": ids[0], "created_at": instant()}
    for number, payload in enumerate(PAYLOADS):
        failed = {"status": "failed", "error": {"code": "x", "message": payload}, "content": ""}
        end = failed if number % 5 == 4 else {"status": "answered", "content": payload}
        question = {**shared, "id": f"msg_{number:03}", "role": "user", "status": "accepted", "content": payload}
        fake.messages[ids[0]] += [question, {**shared, "id": f"ans_{number:03}", "role": "assistant", **end}]
    watched.add_init_script(f"localStorage.setItem('foreverus.language', '{language}')")
    watched.goto(fake.url)
    watched.locator("button.primary").click()
    expect(watched.locator("#message")).to_be_visible()
    expect(watched.locator(".conversations li a")).to_have_count(len(ids))  # the list comes after the composer
    was = watched.locator(LIVE).count()
    titles = [" ".join(one.split()) for one in watched.locator(".conversations li a").all_text_contents()]
    assert {" ".join(one.split()) for one in PAYLOADS} <= set(titles)
    watched.goto(f"{fake.url}/#c={ids[0]}")
    while watched.locator("article").count() < 2 * len(PAYLOADS):
        watched.locator("#messages").evaluate("(e) => (e.scrollTop = e.scrollTop ? 0 : 1)")
        watched.wait_for_timeout(100)
    articles = watched.locator("article").all()
    for payload, question, answer in zip(PAYLOADS, articles[::2], articles[1::2], strict=True):
        shows(question, payload)
        shows(answer, payload)
    nothing_came_alive(watched, was)
    for id_, payload in zip(ids[1::8], PAYLOADS[::8], strict=True):
        watched.goto(f"{fake.url}/#c={id_}")
        shows(watched.locator(".chat h2"), payload)
    nothing_came_alive(watched, was)


def test_an_answer_that_comes_piece_by_piece_a_draft_and_a_question_written_anew(
    watched: Page, fake: FakeCloud
) -> None:
    sign_in(watched, fake)
    was = watched.locator(LIVE).count()
    answer = start_answer(watched, fake)
    text = "".join(f"{payload}\n\n- {payload}\n\n> {payload}\n\n" for payload in PAYLOADS[::3])
    sent = 0
    while sent < len(text):
        piece = text[sent : sent + 7]
        fake.delta(answer, sent, piece)
        sent += len(piece)
    expect(answer_to(watched)).to_contain_text("DROP TABLE" if "DROP" in text else "window.pwned")
    nothing_came_alive(watched, was)
    fake.finish(answer, text)
    expect(answer_to(watched)).to_have_attribute("aria-busy", "false")
    shows(answer_to(watched), text)
    watched.get_by_role("button", name="Edit", exact=True).click()
    box = watched.get_by_label("The question anew")
    box.fill(PAYLOADS[0])
    box.press("Escape")
    watched.get_by_label("Message", exact=True).fill(PAYLOADS[5])
    watched.reload()
    expect(watched.get_by_label("Message", exact=True)).to_have_value(PAYLOADS[5])
    nothing_came_alive(watched, was)


def test_batches(watched: Page, fake: FakeCloud) -> None:
    """As a batch's name and in what the server says of its lines."""
    for number, payload in enumerate(PAYLOADS):
        errors = {"data": [{"code": "x", "message": payload, "param": payload, "line": number}]}
        ours = {"choice": payload, "model": payload}
        fake.batches.add_batch(int(time.time()) - number, payload, status="failed", errors=errors, foreverus=ours)
    sign_in(watched, fake)
    watched.get_by_role("link", name="Batches").click()
    expect(watched.get_by_role("heading", name="New batch")).to_be_visible()
    was = watched.locator(LIVE).count()
    while watched.locator(".batch-list li").count() < len(PAYLOADS):
        watched.get_by_role("button", name="Show more").click()
        watched.wait_for_timeout(50)
    names = [" ".join(one.split()) for one in watched.locator(".batch-name").all_text_contents()]
    assert set(names) == {" ".join(one.split()) for one in PAYLOADS}
    for link in watched.locator(".batch-list li a").all()[::8]:
        link.click()
        expect(watched.locator(".batch h2")).to_be_visible()
        watched.wait_for_timeout(50)
    nothing_came_alive(watched, was)


def test_keys(watched: Page, fake: FakeCloud) -> None:
    for payload in PAYLOADS:
        fake.make_key({"name": payload, "expires_at": None, "can_create_keys": False})
    sign_in(watched, fake)
    watched.get_by_role("link", name="Keys").click()
    rows = watched.get_by_role("listitem").filter(has_text="ends in")
    expect(rows).to_have_count(len(PAYLOADS))
    was = watched.locator(LIVE).count()
    for payload, row in zip(reversed(PAYLOADS), rows.all(), strict=True):
        shows(row, payload)
    nothing_came_alive(watched, was)


def test_prompts_and_what_was_found_in_messages(watched: Page, fake: FakeCloud) -> None:
    """A library's names and texts; a system prompt; titles and pieces of messages with the found words marked."""
    ids = fake.have_conversations(*PAYLOADS)
    shared = {"object": "message", "role": "user", "status": "accepted", "created_at": instant()}
    for number, (id_, payload) in enumerate(zip(ids, PAYLOADS, strict=True)):
        text = f"needle {payload}"
        fake.messages[id_] += [{**shared, "id": f"msg_{number:03}", "conversation_id": id_, "content": text}]
        fake.own.keep({"name": payload, "text": payload}, f"key {number}")
        fake.own.remember({"text": payload}, f"memory {number}")
    fake.conversations[ids[0]]["system"] = PAYLOADS[0]
    sign_in(watched, fake)
    was = watched.locator(LIVE).count()
    watched.get_by_role("searchbox").fill("needle")
    hits = watched.locator(".hit")
    expect(hits.first).to_be_visible()
    for payload, hit in zip(reversed(PAYLOADS), hits.all(), strict=False):
        shows(hit, f"needle {payload.split()[0]}")
    nothing_came_alive(watched, was)
    watched.goto(f"{fake.url}/#c={ids[0]}")
    watched.get_by_role("button", name=re.compile("^Settings")).click()
    sheet = watched.get_by_role("dialog")
    expect(sheet.get_by_label("System prompt")).to_have_value(PAYLOADS[0])
    expect(sheet.locator(".prompt-name").first).to_be_visible()
    names = [" ".join(one.split()) for one in sheet.locator(".prompt-name").all_text_contents()]
    assert len(names) >= 40 and set(names) == {" ".join(one["name"].split()) for one in fake.own.prompts.values()}
    nothing_came_alive(watched, was)
    watched.goto(f"{fake.url}/#p")
    memories = watched.get_by_role("region", name="Memory", exact=True).locator(".prompt-name")
    expect(memories).to_have_count(len(fake.own.memories))
    said = {" ".join(one.split()) for one in memories.all_text_contents()}
    assert said == {" ".join(one["text"].split()) for one in fake.own.memories.values()}
    nothing_came_alive(watched, was)
