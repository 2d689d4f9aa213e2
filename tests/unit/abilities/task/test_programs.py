"""Engines as programs: their ends, their errors, and that they are killed."""

import threading
import time
from pathlib import Path

import pytest

from foreverus.abilities.task.programs import HandedBack, OwnPrograms
from foreverus.errors import EngineFailed, PromptRejected


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "engine_of_a_test.py").write_text(
        "import os, sys, time\n"
        "what = sys.argv[1]\n"
        "if what == 'echo': sys.stdout.buffer.write(sys.stdin.buffer.read().upper())\n"
        "elif what == 'env': print([name for name in os.environ if name.startswith('AWS_')], end='')\n"
        "elif what == 'hang': time.sleep(600)\n"
        "else: print('it says why', file=sys.stderr); sys.exit(int(what))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "engine_of_a_test"


def test_what_it_writes_is_the_answer(module: str) -> None:
    assert OwnPrograms().run(module, ["echo"], b"oi", 600) == b"OI"


def test_it_does_not_get_the_tasks_credentials(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/secret")
    assert OwnPrograms().run(module, ["env"], b"", 600) == b"[]"


@pytest.mark.parametrize(("status", "error"), [("3", PromptRejected), ("1", EngineFailed)])
def test_its_status_says_whether_it_will_ever_do_it(module: str, status: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="it says why"):
        OwnPrograms().run(module, [status], b"", 600)


def test_one_that_hangs_is_killed(module: str) -> None:
    with pytest.raises(EngineFailed, match="not ready after"):
        OwnPrograms().run(module, ["hang"], b"", 0.1)


def test_when_the_task_ends_they_all_end_and_none_begins(module: str) -> None:
    programs, ended = OwnPrograms(), []

    def run() -> None:
        try:
            programs.run(module, ["hang"], b"", 600)
        except HandedBack as err:
            ended.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    while not programs._running:
        time.sleep(0.01)
    programs.stop_all()
    thread.join()
    assert len(ended) == 1
    with pytest.raises(HandedBack):
        programs.run(module, ["echo"], b"", 600)
