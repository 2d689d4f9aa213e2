"""What the page asks for begins a trace of its own: API Gateway goes on with it (docs/decisions/0046)."""

import re
import time

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.driving import sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

ROOT = re.compile(r"Root=1-([0-9a-f]{8})-[0-9a-f]{24}(?:;Sampled=[01?])?")
# The clock of a person's machine is wrong by so much; traces are told by the server's.
WRONG = "const real = Date.now; Date.now = () => real() + {ms};"


@pytest.mark.parametrize("hours", [0, 5, -9])
def test_each_post_begins_a_trace_and_no_look_does(page: Page, fake: FakeCloud, hours: int) -> None:
    asked: list[Request] = []
    page.on("request", lambda one: asked.append(one))
    page.add_init_script(WRONG.replace("{ms}", str(hours * 3_600_000)))
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "1 2 3")
    expect(page.get_by_role("article", name="Mistral").last).to_contain_text("1 2 3")
    ours = [one for one in asked if "/v1/" in one.url and one.method != "OPTIONS"]
    roots = [one.headers.get("x-amzn-trace-id", "") for one in ours if one.method == "POST"]
    assert len(roots) >= 3, "a ticket, a conversation and a message"
    assert len(set(roots)) == len(roots)
    assert all(ROOT.fullmatch(one) for one in roots), roots
    assert {one.headers.get("x-amzn-trace-id") for one in ours if one.method == "GET"} == {None}
    (message,) = [one for one in ours if one.method == "POST" and one.url.endswith("/messages")]
    begun = ROOT.fullmatch(message.headers["x-amzn-trace-id"])
    assert begun and abs(int(begun[1], 16) - time.time()) < 600, "X-Ray keeps no trace of another day"
