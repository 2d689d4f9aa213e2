"""bench.gpu, apart from its engines: shapes, what is asked, the worker in memory, the report."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bench.gpu import gguf
from bench.gpu.__main__ import parse
from bench.gpu.measure import FULL, questions, report
from bench.gpu.server import Server
from bench.gpu.shapes import MISTRAL_7B, TINY
from bench.ideal import Driven
from bench.memory_worker import Answered, serving
from tests.unit.bench.letters import Letters


def test_the_shape_is_mistrals() -> None:
    assert MISTRAL_7B.parameters == 7_248_023_552  # the published checkpoint of v0.3 has as many
    assert MISTRAL_7B.parameters_read == 7_248_023_552 - 32_768 * 4096


def test_weights_of_one_seed_are_one_file(tmp_path: Path) -> None:
    gguf.write(tmp_path / "a", TINY)
    gguf.write(tmp_path / "b", TINY)
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    assert data.startswith(b"GGUF\x03\x00\x00\x00")
    assert 4 * TINY.parameters < len(data) < 4 * TINY.parameters + 50_000


def test_both_sides_are_asked_for_as_many_tokens_in_other_words() -> None:
    ours, theirs = questions(40, FULL, 1), questions(40, FULL, 2)
    assert sorted(one["max_tokens"] for one in ours) == sorted(one["max_tokens"] for one in theirs)
    assert {min(one["max_tokens"] for one in ours), max(one["max_tokens"] for one in ours)} == {96, 160}
    words = [str(one["messages"]) for one in ours + theirs]
    assert len(set(words)) == 80


def test_the_worker_answers_every_line_of_every_batch_once() -> None:
    writer = Letters(context=512, answer="abcdefgh" * 20)

    async def main() -> list[Answered]:
        server = Server("mistral")
        server.writer = writer
        async with await server.serve(0) as listening:
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            async with serving(url, "mistral", 4, 512) as worker:
                return [await worker.answer(questions(130, FULL, seed)) for seed in (1, 2)]

    batches = asyncio.run(main())
    for batch in batches:
        assert sorted(batch.answers) == sorted(f"line-{n}" for n in range(130)) and not batch.failed
        assert batch.completion_tokens == sum(one["max_tokens"] for one in questions(130, FULL, 1))
        assert batch.tokens_per_second > 0
    asked = [prompt for prompt in writer.prompts if "Say hello." not in prompt]
    assert len(asked) == len(set(asked)) == 260
    assert 1 < writer.most_running <= 4


def test_a_report_sets_both_against_each_other_and_against_the_floor() -> None:
    ours = [Answered(seconds, 970, {"a": {}}, {}) for seconds in (1.0, 10.0, 0.1)]
    direct = [Driven(seconds, 1000, ()) for seconds in (0.1, 1.0, 10.0)]
    made = report(8, 0.004, ours, direct)
    assert (made["ratio"], made["good"], made["requests"]) == (0.97, True, [1, 1, 1])
    assert (made["floor_step_ms"], made["floor_tokens_per_s"]) == (4.0, 2000.0)
    assert (made["ours_of_floor"], made["direct_of_floor"]) == (0.485, 0.5)
    assert not report(8, 0.004, [Answered(1.0, 969, {"a": {}}, {})], direct)["good"]


@pytest.mark.parametrize(
    ("arguments", "engine", "streams"),
    [
        ([], "transformers", [1, 8, 64, 256]),
        (["--tiny", "--device", "cpu"], "llama.cpp", [1, 8]),
        (["--device", "cpu", "--engine", "transformers", "--streams", "2"], "transformers", [2]),
    ],
)
def test_the_command_line(arguments: list[str], engine: str, streams: list[int]) -> None:
    args = parse(arguments)
    assert (args.engine, args.streams) == (engine, streams)


@pytest.mark.parametrize("arguments", [["--streams", "0"], ["--streams", "many"], ["--device", "cpu"]])
def test_what_it_cannot_measure_is_refused(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert arguments[0] in capsys.readouterr().err
