"""What is asked of a shard, and in which order."""

from foreverus.backends.port import Message, Prompt
from foreverus.batches.input.lines import CHAT, Line
from foreverus.batches.records import LineResult
from foreverus.batches.shards.reading import ShardLines


def asked(number: int, max_tokens: int | None, words: int = 1) -> Line:
    prompt = Prompt((Message("user", "word " * words),), max_tokens)
    return Line(number, f"c{number}", CHAT, prompt)


def shard(*lines: Line, finished: tuple[int, ...] = (), engines_lost: dict[int, int] | None = None) -> ShardLines:
    results = {number: LineResult(number, f"c{number}") for number in finished}
    return ShardLines({line.number: line for line in lines}, results, engines_lost or {})


def test_longest_line_comes_first_and_one_without_a_limit_before_all() -> None:
    known = shard(asked(1, 10), asked(2, 500), asked(3, None), asked(4, 10, words=90))
    assert [line.number for line in known.to_ask] == [3, 2, 4, 1]


def test_finished_lines_are_not_asked_again() -> None:
    known = shard(asked(1, 10), asked(2, 10), asked(3, 10), finished=(2,))
    assert [line.number for line in known.to_ask] == [1, 3] and not known.hopeless


def test_line_an_engine_died_under_comes_last_and_after_the_second_engine_never() -> None:
    known = shard(asked(1, 900), asked(2, 10), asked(3, 500), engines_lost={1: 1, 3: 2})
    assert [line.number for line in known.to_ask] == [2, 1]
    assert [line.number for line in known.hopeless] == [3]
    assert [known.is_suspect(line) for line in known.to_ask] == [False, True]


def test_suspect_that_is_finished_is_neither_asked_nor_given_up() -> None:
    known = shard(asked(1, 10), finished=(1,), engines_lost={1: 2})
    assert not known.to_ask and not known.hopeless
