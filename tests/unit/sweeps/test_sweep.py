"""One loop, one rule for what fails: each alone, everything is tried, then the whole fails."""

from collections.abc import Iterator

import pytest

from foreverus.sweeps.sweep import Repair, SweepFailed, sweep


def fails() -> str:
    raise ConnectionError("not now")


def test_what_fails_holds_nothing_else_up_and_is_named() -> None:
    done: list[str] = []

    def breaks_off() -> Iterator[Repair]:
        yield Repair("a", lambda: done.append("a"))
        raise TimeoutError("the table does not answer")

    def goes_on() -> Iterator[Repair]:
        yield Repair("b", fails)
        yield Repair("c", lambda: done.append("c"))

    with pytest.raises(SweepFailed) as failed:
        sweep({"first": breaks_off, "second": goes_on})
    assert done == ["a", "c"]
    assert "looking for first: TimeoutError" in str(failed.value)
    assert "second: b: ConnectionError('not now')" in str(failed.value)


def test_it_says_what_was_done_and_not_what_was_only_looked_at() -> None:
    repairs = [Repair("msg_1", lambda: "queued again"), Repair("msg_2", lambda: None)]
    assert sweep({"messages": lambda: repairs, "batches": lambda: []}) == {
        "messages": ["msg_1 queued again"],
        "batches": [],
    }
