"""What an open page costs is reckoned with how often it pings, and what a ping takes here."""

import re
from pathlib import Path

from foreverus.costs import open_page
from foreverus.costs.open_page import PING_EVERY_S, Attention, usd_an_hour
from foreverus.live import frames
from tests.unit.costs.test_one_answer import memory_gb

LIVE = (Path(__file__).parents[3] / "frontend/src/live.ts").read_text(encoding="utf-8")


def milliseconds(name: str) -> int:
    found = re.search(rf"^export const {name} = ([\d_]+);", LIVE, re.MULTILINE)
    assert found
    return int(found[1].replace("_", ""))


def test_the_page_pings_as_often_as_is_reckoned() -> None:
    names = {Attention.SEEN: "QUIET_MS", Attention.AWAITED: "AWAITED_MS", Attention.UNSEEN: "UNSEEN_MS"}
    assert {one: milliseconds(name) / 1000 for one, name in names.items()} == PING_EVERY_S


def test_a_line_that_dies_in_silence_is_given_up_within_20_s() -> None:
    assert milliseconds("QUIET_MS") + milliseconds("BEAT_MS") + milliseconds("PONG_MS") <= 20_000


def test_a_ping_takes_what_is_reckoned() -> None:
    assert open_page.LOOK_EVERY_S == frames.LOOK_EVERY_S
    assert memory_gb("WebSocketFunction") == open_page.PING_GB


def test_a_page_that_nobody_sees_costs_least() -> None:
    costs = [usd_an_hour(one) for one in (Attention.UNSEEN, Attention.AWAITED, Attention.SEEN)]
    assert costs == sorted(costs) and costs[-1] < 0.002
