"""What the page's figures are made of, and what stands in the conversations that are measured."""

from pathlib import Path

import pytest

from bench.figures import Verdict
from bench.page import chatting, memory, reckoning
from bench.page.talk import ANSWER, pieces, talk
from tests.browser.fake_cloud import FakeCloud

READY = {"typing": 400.0, "live": 700.0}


@pytest.mark.parametrize(
    ("longs", "blocked"),
    [
        ([], 0),
        ([[10, 50]], 0),
        ([[10, 51]], 1),
        ([[10, 150], [200, 90], [699, 60]], 150),
        ([[10, 150], [700, 500], [900, 80]], 100),  # what begins when it is live is not its opening
    ],
)
def test_what_blocks_is_what_tasks_take_beyond_50_ms_until_it_is_live(longs: list, blocked: float) -> None:
    found = reckoning.opened(READY, {"lcp": 650.0, "cls": 0.02, "longs": longs})
    assert found == reckoning.Opened(400.0, 700.0, 650.0, blocked, 0.02)


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([5.0], {"key": 5.0, "inp": 5.0}),
        ([1.0] * 19 + [90.0], {"key": 1.0, "inp": 90.0}),
        ([1.0] * 18 + [30.0, 90.0], {"key": 30.0, "inp": 90.0}),
    ],
)
def test_of_keys_19_of_20_count_and_the_slowest_by_itself(keys: list[float], found: dict[str, float]) -> None:
    assert reckoning.typed(keys) == found


@pytest.mark.parametrize(("before", "after", "each"), [(1e6, 5e6, 20), (2e6, 2e6, 0), (3e6, 2e6, -5)])
def test_memory_is_what_each_answer_has_added(before: float, after: float, each: float) -> None:
    assert reckoning.kilobytes_each(before, after, memory.ANSWERS) == each


@pytest.mark.parametrize(("tokens", "at_once"), [(50, 5), (4_000, 5), (7, 5), (41, 40)])
def test_an_answer_has_its_words_in_pieces_and_a_paragraph_every_forty(tokens: int, at_once: int) -> None:
    parts = pieces(tokens, at_once)
    text = "".join(parts)
    assert len(parts) == -(-tokens // at_once)
    assert len(text.split()) == tokens
    assert text.count("\n\n") == tokens // 40


def test_a_conversation_is_as_the_server_would_list_it(tmp_path: Path) -> None:
    cloud = FakeCloud(tmp_path)
    (first, second) = cloud.have_conversations("One", "Other")
    texts = talk(cloud, first, 3)
    assert talk(cloud, second, 1)[0] == texts[0]
    assert [one["role"] for one in cloud.messages[first]] == ["user", "assistant"] * 3
    assert {one["status"] for one in cloud.messages[first] if one["role"] == "assistant"} == {"answered"}
    assert "number 3 waits" in texts[-1] and "{n}" not in "".join(texts) and "{n}" in ANSWER


def test_open_scroll_and_typing_are_each_beside_a_plain_page() -> None:
    found = {"open": [900.0, 950.0, 1_200.0, 800.0], "plain_open": [300.0, 475.0, 400.0, 400.0]}
    ours, ratio = chatting._pair("page_long_open", found, "open", 1_000, 3, "it", "a box", [0.0])
    assert (ours.value, ours.verdict, ours.detail["plain"]) == (925, Verdict.GOOD, found["plain_open"])
    assert (ratio.value, ratio.highest, ratio.verdict) == (2.5, 3.0, Verdict.GOOD)
