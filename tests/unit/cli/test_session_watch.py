"""`foreverus session start|show|watch`: phases with their ETA, a meter that ticks, an end that is told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from foreverus.cli import session_words
from foreverus.costs.launch import Launch
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, cost
from foreverus.costs.prices import Price
from tests.unit.cli.chat_server import chatting
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import RESET, Server

AT = "2020-01-01T00:00:00.000Z"
NEW: dict[str, Any] = {"id": "ses_1", "status": "requested", "version": 1, "created_at": AT, "attempt": 0}
BOOTING = NEW | {"status": "booting", "version": 3, "launched_at": AT}
LOADING = BOOTING | {"version": 4, "phases": [{"name": "loading", "at": AT, "attempt": 0}]}
SPEND = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.42, "launches": [{"launched_at": AT, "gpu_usd_per_hour": 0.4}]}
SERVING = LOADING | {"status": "serving", "version": 5, "healthy_at": AT, "spend": SPEND}
ENDED = SERVING | {
    "status": "ended",
    "version": 9,
    "ended_at": "2020-01-01T01:00:00.000Z",
    "outcome": "idle",
    "usage": {"messages": 3, "prompt_tokens": 10, "completion_tokens": 20},
    "receipt": {"total_usd": 0.43},
}
FAILED = BOOTING | {
    "status": "failed",
    "version": 9,
    "error": {"code": "NoGpuCapacity", "message": "None\x1b to be had."},
}


def states(server: Server, *shown: dict[str, Any]) -> None:
    """What GET shows of the session, one after the other; the last one stays."""
    left = list(shown)

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any] | None:
        match method, path:
            case "GET", "/sessions/ses_1":
                return 200, left.pop(0) if len(left) > 1 else left[0]
            case "GET", "/sessions":
                return 200, {"object": "list", "data": [*server.sessions.values()]}
            case "POST", "/sessions":
                server.sessions["asked"] = json.loads(body)
                return 201, NEW
            case "POST", "/tickets":
                return 201, {"ticket": "ft_1"}
        return None

    server.more = answer


def test_start_says_the_session_s_id(server: Server, shell: Shell) -> None:
    states(server, NEW)
    assert shell.run("start", "--idle", "600", "--on-demand", group="session") == 0
    assert shell.out == "ses_1\n" and "It starts" in shell.err
    assert server.sessions["asked"] == {"idle_seconds": 600, "allow_on_demand": True}


def test_start_joins_what_is_on(server: Server, shell: Shell) -> None:
    server.sessions["ses_1"] = SERVING
    states(server, SERVING)
    assert shell.run("start", group="session") == 0
    assert "It is on already" in shell.err


def test_start_watches_until_it_answers(server: Server, shell: Shell) -> None:
    states(server, BOOTING | {"expected_boot_seconds": 4e9}, LOADING | {"expected_boot_seconds": 4e9}, SERVING)
    assert shell.run("start", "--watch", group="session") == 0
    told = [line.split(" · ")[0] for line in shell.err.splitlines() if "ETA" in line]
    assert told == ["GPU starts", "GPU loads the model"]
    first, last = shell.out.splitlines()
    assert first == "ses_1" and last.startswith("GPU is on · for ") and "$0.42/h" in last


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (ENDED, 0, "ses_1 ended · idle · 3 messages answered · $0.43 in all"),
        (FAILED, 1, "ses_1 failed · NoGpuCapacity: None\ufffd to be had."),
    ],
    ids=["ended", "failed"],
)
def test_watch_goes_on_to_the_end(server: Server, shell: Shell, end: dict[str, Any], status: int, said: str) -> None:
    server.sessions["ses_1"] = SERVING
    states(server, SERVING, SERVING, end)
    assert shell.run("watch", group="session") == status
    assert shell.out == said + "\n"


def test_watch_hears_of_changes_as_they_happen(server: Server, shell: Shell) -> None:
    with chatting(server) as chats:
        chats.session = BOOTING
        chats.lines = [[("frame", {"type": "session", "session": one}) for one in (SERVING, BOOTING, ENDED)]]
        assert shell.run("watch", "ses_1", "--json", group="session") == 0
    seen = [json.loads(line)["status"] for line in shell.out.splitlines()]
    assert seen == ["booting", "serving", "ended"]
    assert {"action": "subscribe", "session_id": "ses_1"} in chats.frames


def test_a_network_that_is_away_is_waited_for(server: Server, shell: Shell) -> None:
    states(server, SERVING, ENDED)
    server.fail_next("GET /sessions/ses_1", "")
    server.fail_next("GET /sessions/ses_1", RESET, RESET, RESET)
    server._failures["GET /sessions/ses_1"].pop(0)
    server.sessions["ses_1"] = SERVING
    assert shell.run("watch", "ses_1", group="session") == 0
    assert "ended" in shell.out


def test_show_is_of_the_one_that_is_on_else_of_the_newest(server: Server, shell: Shell) -> None:
    states(server, ENDED)
    assert shell.run("show", group="session") == 1
    assert "`foreverus session start`" in shell.err
    server.sessions["ses_1"] = ENDED
    assert shell.run("show", group="session") == 0
    shown = dict(line.split(maxsplit=1) for line in shell.out.splitlines() if not line.startswith(("asked", "answers")))
    assert shown["state"] == "ses_1 ended · idle · 3 messages answered · $0.43 in all"
    assert shown["tokens"] == "10 + 20" and shown["launched"] == "2020-01-01 00:00:00"
    assert shell.run("show", "ses_1", "--json", group="session") == 0
    assert json.loads(shell.out) == ENDED


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        ({}, []),
        (
            {"boot_seconds": 240.0, "idle_seconds": 300.0, "idle_usd": 0.04},
            ["4 min 00 s", "5 min 00 s, which cost $0.0400"],
        ),
        ({"boot_seconds": None, "idle_seconds": 0.0, "idle_usd": 0.0}, ["0 s, which cost $0.00"]),
        ({"idle_seconds": 90.0, "idle_usd": None}, ["1 min 30 s"]),
        ({"if_bedrock_usd": 0.0012, "always_on_day_usd": 24.14}, ["$0.0012 for the same tokens", "$24.14 a day"]),
    ],
)
def test_show_says_what_the_receipt_says_beside_the_sum(
    server: Server, shell: Shell, receipt: dict[str, Any], said: list[str]
) -> None:
    server.sessions["ses_1"] = ENDED | {"receipt": {"total_usd": 0.43, **receipt}}
    states(server, server.sessions["ses_1"])
    assert shell.run("show", "ses_1", group="session") == 0
    names = ("booted for", "idle for", "on Bedrock", "always on")
    assert [line[14:] for line in shell.out.splitlines() if line.startswith(names)] == said


NOW = datetime(2020, 1, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "launches",
    [
        [(AT, 0.4)],
        [(AT, 0.4), ("2020-01-01T01:00:00.000Z", 0.6)],
        [(AT, 0.4), ("2020-01-01T01:59:50.000Z", None)],
    ],
    ids=["one", "two", "a minute at least"],
)
def test_the_meter_reckons_as_the_receipt_does(launches: list[tuple[str, float | None]]) -> None:
    """With the price that its launch was noted at, else the newest one's."""
    spend: dict[str, Any] = {
        "gpu_usd_per_hour": 0.4,
        "usd_per_hour": 0.4 + BESIDE_GPU_USD_PER_HOUR,
        "launches": [{"launched_at": at, "gpu_usd_per_hour": usd} for at, usd in launches],
    }
    bought = [
        Launch(
            attempt=n,
            instance_id=f"i-{n}",
            instance_type="g6.xlarge",
            availability_zone="us-east-1a",
            lifecycle="spot",
            launched_at=at,
        )
        for n, (at, _) in enumerate(launches)
    ]
    prices = {f"i-{n}": usd for n, (_, usd) in enumerate(launches)}
    price_of: Callable[[Launch], Price] = lambda one: Price(prices[one.instance_id] or 0.4, "test")  # noqa: E731
    said = session_words.spent_usd({"spend": spend}, NOW)  # type: ignore[typeddict-item]
    assert said == pytest.approx(cost(bought, NOW, price_of).total_usd)


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (NEW | {"expected_boot_seconds": 7300}, "GPU asked for · ETA 1 min 40 s"),
        (NEW | {"expected_boot_seconds": 7100}, "GPU asked for · for 2 h 00 min, later than usual"),
        (NEW | {"expected_boot_seconds": None}, "GPU asked for · for 2 h 00 min"),
        (LOADING | {"attempt": 1}, "GPU starts · for 2 h 00 min"),
        (SERVING, "GPU is on · for 2 h 00 min · $0.84 so far · $0.42/h"),
        (SERVING | {"spend": SPEND | {"gpu_usd_per_hour": None}}, "GPU is on · for 2 h 00 min · $0.42/h"),
    ],
)
def test_where_it_is_in_words(session: Any, said: str) -> None:
    assert session_words.row(session, NOW) == said
