"""What an answer that says "not now" means: a wait as long as it says, or the end with what helps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from foreverus.cli.api import Api
from foreverus.cli.failures import CommandFailed, Refused
from foreverus.cli.server_clock import ServerClock
from foreverus.cli.settings import ClientSettings


def answering(slept: list[float], *answers: tuple[int, dict[str, str], dict[str, Any]]) -> Api:
    """An API that answers so, one after the other."""
    made, left = Api(ClientSettings("https://api.example/v1", "fu_ana"), slept.append), list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        status, headers, body = left.pop(0)
        return httpx.Response(status, headers=headers, json=body)

    made.http.close()
    made.http = httpx.Client(transport=httpx.MockTransport(answer))
    return made


def limit(code: str, message: str = "Wait.") -> dict[str, Any]:
    return {"error": {"message": message, "type": "rate_limit_error", "param": None, "code": code}}


@pytest.mark.parametrize(("after", "waits"), [("37", 37.0), ("2", 2.0), ("0", 0.5), ("", 0.5), ("100000", 120.0)])
def test_it_waits_as_long_as_the_answer_says(after: str, waits: float) -> None:
    slept: list[float] = []
    headers = {"Retry-After": after} if after else {}
    with answering(slept, (429, headers, limit("too_many_messages")), (200, {}, {"id": "batch_1"})) as api:
        assert api.batch("batch_1")["id"] == "batch_1"
    assert slept == [waits]


@pytest.mark.parametrize("headers", [{"Retry-After": "9000"}, {}])
def test_it_says_what_helps_where_waiting_a_minute_does_not(headers: dict[str, str]) -> None:
    slept: list[float] = []
    answer = (429, {**headers, "x-should-retry": "false"}, limit("storage_full", "Delete files."))
    with answering(slept, answer) as api, pytest.raises(Refused, match=r"Delete files\. \(429, storage_full\)"):
        api.create_batch({"input_file_id": "file_1"}, "key")  # type: ignore[typeddict-item]
    assert slept == []


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        ("Sun, 29 Nov 2026 15:00:40 GMT", 40.0),
        ("Sun, 29 Nov 2026 14:00:00 GMT", 0.5),
        ("Mon, 30 Nov 2026 15:00:00 GMT", 120.0),
        ("soon", 0.5),
        ("-5", 0.5),
    ],
)
def test_a_proxy_may_say_it_as_a_time(after: str, waits: float) -> None:
    """By the answer's own Date: this machine's clock may be wrong."""
    slept: list[float] = []
    headers = {"Retry-After": after, "Date": "Sun, 29 Nov 2026 15:00:00 GMT"}
    with answering(slept, (503, headers, limit("x")), (200, {}, {"id": "batch_1"})) as api:
        assert api.batch("batch_1")["id"] == "batch_1"
    assert slept == [waits]


@pytest.mark.parametrize("own", [-10_000.0, -1.0, 0.0, 0.4, 3_600.0])
def test_time_goes_by_the_server_s_clock(own: float) -> None:
    """`own`: how wrong this machine's clock is, in seconds."""
    true = datetime(2026, 11, 29, 15, 0, 0, 500_000, tzinfo=UTC)
    ticks = [100.0]
    clock = ServerClock(lambda: ticks[0], true + timedelta(seconds=own))
    clock.heard("Sun, 29 Nov 2026 15:00:00 GMT", 0.2)
    assert abs((clock.now() - true).total_seconds()) <= 1.2
    before = clock.now()
    ticks[0] += 60
    assert (clock.now() - before).total_seconds() == pytest.approx(60)
    clock.heard("nonsense", 0.1)
    assert (clock.now() - before).total_seconds() == pytest.approx(60)


@pytest.mark.parametrize("header", ["x-request-id", "x-amzn-RequestId", "x-amz-request-id"])
@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_says_by_which_number_its_request_is_found_in_the_log(header: str, status: int) -> None:
    answer = (status, {header: "req_7"}, {"error": {"message": "No.", "param": "model", "code": "no"}})
    with answering([], *[answer] * 20) as api, pytest.raises(CommandFailed, match=r"request req_7\)"):
        api.batch("batch_1")
