"""The page's proxy and the inbox, with a stand-in for the emulator behind them."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.inbox import Inbox, show
from local.page import Page
from local.ports import free_port
from local.processes import Failed
from local.web import Handler, Web


class Upstream:
    """Answers everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        upstream = self

        class Recorder(Handler):
            def do_GET(self) -> None:
                upstream.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                extra = {"Content-Type": "text/html", "ETag": '"1"', "Strict-Transport-Security": "max-age=1"}
                self.answer(200, b"<p>page</p>", extra)

        self.web = Web(Recorder)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    running.web.start()
    yield running
    running.web.stop()


@pytest.fixture
def page(upstream: Upstream) -> Iterator[Page]:
    running = Page(upstream.web.port, 0)
    running.web.start()
    yield running
    running.web.stop()


@pytest.fixture
def inbox(upstream: Upstream, tmp_path: Path) -> Iterator[Inbox]:
    running = Inbox(tmp_path / "inbox.jsonl", upstream.web.port)
    running.start()
    yield running
    running.stop()


def fetch(url: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=300) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_page_is_the_distributions(page: Page, upstream: Upstream) -> None:
    page.show("abc.cloudfront.net")
    status, headers, body = fetch(page.url + "config.json?x=1", Cookie="secret=1")
    assert (status, body, headers["ETag"]) == (200, b"<p>page</p>", '"1"')
    assert "Strict-Transport-Security" not in headers
    ((path, asked),) = upstream.asked
    assert (path, asked["host"], asked["x-forwarded-proto"]) == ("/config.json?x=1", "abc.cloudfront.net", "https")
    assert "cookie" not in asked


def test_page_says_when_it_is_not_there(page: Page, upstream: Upstream) -> None:
    assert fetch(page.url)[0] == 503
    page.show("abc.cloudfront.net")
    page.emulator_port = free_port()
    assert fetch(page.url)[0] == 502


def test_a_strangers_name_for_this_machine_is_refused(page: Page, inbox: Inbox, upstream: Upstream) -> None:
    page.show("abc.cloudfront.net")
    assert fetch(page.url, Host="attacker.example")[0] == 421
    assert fetch(inbox.url, Host="attacker.example:80")[0] == 421
    assert upstream.asked == []


def test_inbox_confirms_with_the_emulator_only(inbox: Inbox, upstream: Upstream) -> None:
    message = {"Type": "SubscriptionConfirmation", "SubscribeURL": "http://attacker.example/?Action=Confirm&Token=1"}
    assert fetch(inbox.url, message)[0] == 200
    assert inbox.confirmed
    assert [path for path, _ in upstream.asked] == ["/?Action=Confirm&Token=1"]


def test_inbox_keeps_notifications(inbox: Inbox) -> None:
    message = {
        "Type": "Notification",
        "Subject": "over",
        "Message": "ses_1: $0.01",
        "Timestamp": "2026-11-21T00:00:00Z",
    }
    assert fetch(inbox.url, message)[0] == 200
    assert inbox.wait_for("ses_1", 1) == {"subject": "over", "message": "ses_1: $0.01", "at": message["Timestamp"]}
    assert inbox.wait_for("ses_2", 0) is None
    assert "ses_1: $0.01" in show(inbox.file)
    assert json.loads(fetch(inbox.url)[2])[0]["subject"] == "over"


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"Type": "Notification"}', b"x" * (1 << 20 | 1)])
def test_inbox_refuses_what_is_no_message(inbox: Inbox, body: bytes) -> None:
    try:
        assert fetch(inbox.url, body)[0] == 400
    except OSError:  # refused before all of it was sent
        assert len(body) > 1 << 20
    assert inbox.messages == []


def test_no_inbox_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="make up"):
        show(tmp_path / "inbox.jsonl")
