"""Our worker and an ideal one in front of a paced engine: both answer everything, and are measured alike."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bench import ideal, paced
from bench.figures import Verdict
from bench.memory_worker import serving
from bench.processor import Spent
from local.engine.paced import Engine, Options

STREAMS = 3


def with_engine(test: Callable[[str], Awaitable[None]]) -> None:
    async def main() -> None:
        server = await Engine(Options(pace=2000.0, load_s=0.0, slots=STREAMS + 1, context=4096)).serve()
        async with server:
            await test(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    asyncio.run(main())


def test_both_sides_of_a_pair_answer_the_same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced, "PACE", 2000.0)

    async def test(url: str) -> None:
        async with serving(url, "paced", STREAMS, 4096) as worker:
            people = [paced.Talker(worker, number) for number in range(STREAMS)]
            ours = await paced.our_chats(worker, people, turns=2)
        direct = await paced.ideal_chats(url, STREAMS, turns=2)
        asked = sum(paced.length(person, turn) for person in range(STREAMS) for turn in range(2))
        assert ours.tokens == direct.tokens == asked
        assert len(ours.first_s) == len(direct.first_s) == 2 * STREAMS
        assert min(*ours.first_s, *direct.first_s) > 0
        # Two reads, a look at who listens, a frame, the save, the delete; receives are not counted.
        assert ours.aws_calls >= 6 * 2 * STREAMS

    with_engine(test)


def test_a_stream_is_read_to_its_end() -> None:
    async def test(url: str) -> None:
        body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 40}
        assert (await ideal.stream(url, body)).completion_tokens == 40
        with pytest.raises(RuntimeError, match="ended with"):
            await ideal.stream(url, {"messages": []})

    with_engine(test)


def side(tokens: int, seconds: float, cpu_s: float, waited: float = 0.0, first_s: float = 0.02) -> paced.Side:
    return paced.Side(tokens, seconds, Spent(seconds, cpu_s, waited), 50, (first_s,) * 4)


def test_processor_time_is_judged_where_the_clock_cannot_be() -> None:
    ours = [side(1000, 20.0, 0.1, waited=0.4, first_s=0.5)] * 3
    direct = [side(1000, 10.0, 0.02)] * 3
    found = {one.name: one for one in paced.chat_figures(16, ours, direct)}
    assert found["chat_rate_16"].value == 0.5 and found["chat_rate_16"].verdict is Verdict.UNDECIDED
    assert found["chat_first_p99_16"].value == 25.0 and found["chat_first_p99_16"].verdict is Verdict.UNDECIDED
    assert found["chat_cpu_16"].value == pytest.approx(100.0) and found["chat_cpu_16"].verdict is Verdict.GOOD
    assert found["chat_calls_16"].value == 50.0


def test_a_worker_that_wastes_the_processor_is_bad_on_any_machine() -> None:
    ours = [side(1000, 10.0, 2.0, waited=0.9)] * 3
    found = {one.name: one for one in paced.batch_figures(64, ours, [side(1000, 10.0, 0.02)] * 3)}
    assert found["batch_cpu_64"].verdict is Verdict.BAD and found["batch_rate_64"].verdict is Verdict.GOOD
