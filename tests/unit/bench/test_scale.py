"""What is measured of many people: the month's one item, on a made clock."""

import threading
from typing import Any

import pytest

from bench.scale import gpus, kept, purse
from bench.scale.crowd import Account, Talk
from bench.scale.purse import MadeClock, contended


def test_threads_go_on_in_the_order_of_the_clock_and_one_at_a_time() -> None:
    clock, seen = MadeClock(), list[tuple[str, float]]()
    running = threading.Lock()

    def work(name: str, pause: float) -> None:
        for _ in range(3):
            assert running.acquire(blocking=False), "another one runs too"
            seen.append((name, round(clock.now, 3)))
            running.release()
            clock.sleep(pause)

    clock.begin(0.1, lambda: work("a", 0.2))
    clock.begin(0.0, lambda: work("b", 0.25))
    clock.run()
    assert seen == [("b", 0.0), ("a", 0.1), ("b", 0.25), ("a", 0.3), ("b", 0.5), ("a", 0.5)]


def test_a_thousand_people_get_their_turn_and_nobody_gives_up() -> None:
    crowd = contended(1_000, 0.25, seed=1)
    assert crowd.given_up == 0 and crowd.conflicts > 0.5
    assert min(crowd.waited_s) >= purse.TRANSACTION_S * 0.999


def test_more_people_than_the_item_has_turns_give_up() -> None:
    """Twice as many as there is time for: what the measurement is to notice."""
    assert contended(3_000, 0.5, seed=1).given_up > 0.01


def test_the_same_seed_is_the_same_crowd() -> None:
    assert contended(100, 0.5, seed=7) == contended(100, 0.5, seed=7)


def test_what_others_keep_makes_no_list_and_no_sweep_read_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, sizes in (("CONVERSATIONS", (100, 300)), ("FILES", (100, 300))):
        monkeypatch.setattr(kept, name, sizes)
    found = {one.name: one for one in kept.measure(kept.NAMES)}
    grown = {name: one.value for name, one in found.items() if "_growth_" in name}
    assert len(grown) == 9 and max(grown.values()) <= kept.MOST_GROWTH, grown
    assert found["scale_files_a_later_page_oldest_first_300"].value > 1, "it reads something"


def end(message: str, content: str = "1 2", **more: Any) -> dict[str, Any]:
    return {"id": f"{message}-answer", "in_reply_to": message, "status": "answered", "content": content, **more}


def a_talk(ends: list[dict[str, Any]], **more: Any) -> Talk:
    talk = Talk(Account("ana", "user-1", "key"), accepted=["a", "b"], refused=["too_many_messages"])
    for name, value in more.items():
        setattr(talk, name, value)
    for offset, text in ((0, "1"), (1, " 2")):
        talk.hear({"type": "delta", "message_id": "a", "offset": offset, "text": text})
    for one in ends:
        talk.hear({"type": "message", "message": one})
    return talk


def test_each_message_has_one_end_in_order_and_no_more_are_taken_than_may_be() -> None:
    assert a_talk([end("a"), end("b")]).wrong(3, 2) == ""
    failed = end("b", content="", status="failed", error={"code": "bedrock_unavailable", "message": "Ask again."})
    assert a_talk([end("a"), failed]).wrong(3, 2) == "", "one clear error is an end"


@pytest.mark.parametrize(
    ("ends", "more"),
    [
        ([end("a")], {}),  # none
        ([end("a"), end("b"), end("b")], {}),  # two
        ([end("b"), end("a")], {}),  # in another order
        ([end("a", content="2 1"), end("b")], {}),  # other words than were shown
        ([end("a"), end("b", content="", status="failed", error=None)], {}),  # neither an answer nor an error
        ([end("a"), end("b")], {"refused": []}),  # not told
        ([end("a"), end("b")], {"refused": ["server_error"]}),
        ([end("a"), end("b"), end("c")], {"accepted": ["a", "b", "c"], "refused": []}),  # over the limit
        ([end("a"), end("b")], {"problem": "no answer"}),
    ],
)
def test_what_is_wrong_is_said(ends: list[dict[str, Any]], more: dict[str, Any]) -> None:
    assert a_talk(ends, **more).wrong(3, 2)


def test_two_workers_share_a_crowd() -> None:
    found = gpus.run(20, 2)
    assert (found.wrong, found.left, sum(found.answers)) == (0, 0, 20 * gpus.TURNS)
    assert min(found.answers) > 0 and found.waiting > gpus.SLOTS
