"""The baseline of what batches are measured by must itself be right: everything once, and the slots full."""

import asyncio
from typing import Any

import pytest

from bench.gpu.server import Server
from bench.ideal import drive_async
from tests.unit.bench.letters import Letters


def bodies(*lengths: int) -> list[dict[str, Any]]:
    return [
        {"model": "letters", "messages": [{"role": "user", "content": f"say {n}"}], "max_tokens": length}
        for n, length in enumerate(lengths)
    ]


def drive(writer: Letters, asked: list[dict[str, Any]], streams: int) -> Any:
    async def main() -> Any:
        server = Server("letters")
        server.writer = writer
        async with await server.serve(0) as listening:
            port = listening.sockets[0].getsockname()[1]
            return await drive_async(f"http://127.0.0.1:{port}", asked, streams)

    return asyncio.run(main())


def test_everything_is_asked_once_and_answers_come_in_the_order_of_the_questions() -> None:
    writer = Letters()
    driven = drive(writer, bodies(3, 9, 1, 5), streams=2)
    assert [answer["usage"]["completion_tokens"] for answer in driven.answers] == [3, 9, 1, 5]
    assert driven.completion_tokens == 18
    assert sorted(writer.prompts) == sorted(f"[INST] say {n} [/INST]" for n in range(4))


def test_slots_are_kept_full_and_the_longest_go_first() -> None:
    writer = Letters()
    drive(writer, bodies(1, 2, 8, 4), streams=2)
    assert writer.most_running == 2
    assert set(writer.prompts[:2]) == {"[INST] say 2 [/INST]", "[INST] say 3 [/INST]"}


def test_an_answer_that_is_none_is_no_baseline() -> None:
    with pytest.raises(RuntimeError, match="404"):
        drive(Letters(), [{"model": "another", "messages": [{"role": "user", "content": "x"}]}], streams=1)
