"""The processor's time of other processes: all of it, and only of those that are asked for."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bench import functions_time
from bench.functions_time import NAMED, FunctionsTime, function_of
from bench.processor import cpu_s_of

WORKER = """
import sys, time
for line in sys.stdin:
    until = time.process_time() + float(line)
    while time.process_time() < until:
        pass
    print("done", flush=True)
"""


class Function:
    """A process that uses so many seconds of the processor when it is told to."""

    def __init__(self, name: str) -> None:
        environment = {**os.environ, NAMED.decode().rstrip("="): name}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        self.work(0.0)

    def work(self, seconds: float) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def functions() -> Iterator[dict[str, Function]]:
    made = {name: Function(name) for name in ("one", "another")}
    yield made
    for function in made.values():
        function.end()


def cloud() -> Any:
    """One whose emulator is this process."""
    return SimpleNamespace(emulator=SimpleNamespace(child=SimpleNamespace(process=SimpleNamespace(pid=os.getpid()))))


def test_until_the_first_word_and_of_the_named_one(functions: dict[str, Function]) -> None:
    def prepared() -> functions_time.Ask:
        functions["one"].work(0.05)  # no part of it

        def ask(at_first: Any) -> None:
            functions["another"].work(0.05)
            functions["one"].work(0.02)
            at_first()
            functions["one"].work(0.05)

        return ask

    assert 0.02 <= FunctionsTime(cloud(), "one").until_first(prepared) < 0.05


def test_with_a_process_that_is_new_it_is_measured_again(functions: dict[str, Function]) -> None:
    asked: list[int] = []

    def ask(at_first: Any) -> None:
        asked.append(len(functions))
        if len(functions) == 2:
            functions["cold"] = Function("one")
        at_first()

    assert FunctionsTime(cloud(), "one").until_first(lambda: ask) >= 0
    assert asked == [2, 3]


def test_where_none_runs_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions_time, "TRIES", 2)
    with pytest.raises(RuntimeError, match="nobody"):
        FunctionsTime(cloud(), "nobody").until_first(lambda: lambda at_first: at_first())


def test_whose_process_it_is(functions: dict[str, Function]) -> None:
    assert function_of(functions["one"].process.pid) == "one"
    assert function_of(1 << 30) == ""


def test_the_clock_is_the_processes_own() -> None:
    before = cpu_s_of(os.getpid())
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    assert cpu_s_of(os.getpid()) - before >= 0.01
    with pytest.raises(OSError):
        cpu_s_of(4_194_304)  # more than Linux gives numbers for
