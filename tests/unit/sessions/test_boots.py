"""What earlier boots say of the next one."""

import pytest

from foreverus.sessions.boots import learned_boots
from foreverus.sessions.records import Session

CREATED = "2026-11-21T20:00:00.000Z"


def booted(seconds: int) -> Session:
    return Session(
        session_id="s", created_at=CREATED, healthy_at=f"2026-11-21T20:{seconds // 60:02}:{seconds % 60:02}Z"
    )


def test_without_a_boot_nothing_is_learned() -> None:
    assert learned_boots([]) is None
    assert learned_boots([Session(session_id="s", created_at=CREATED)]) is None, "one that never was healthy"


def test_one_boot_is_all_there_is_to_expect() -> None:
    found = learned_boots([booted(300)])
    assert found and (found.low, found.expected, found.high, found.late, found.count) == (300, 300, 300, 300, 1)


@pytest.mark.parametrize("slow", [900, 3000])
def test_one_slow_boot_moves_the_end_and_not_what_is_usual(slow: int) -> None:
    found = learned_boots([booted(300 + number) for number in range(19)] + [booted(slow)])
    assert found
    assert 300 <= found.low < found.expected < found.high < 320
    assert found.high < found.late < slow
    assert found.count == 20
