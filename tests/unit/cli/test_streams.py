"""What is named like a file and is none: pipes, devices and links are read and written, never replaced."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import KEY, Server, batch
from tests.unit.cli.test_submit import line, write

ROOT = Path(__file__).resolve().parents[3]


def content(shell: Shell) -> bytes:
    return write(shell.folder / "in.jsonl", line("a"), line("b"))


def command(server: Server, *words: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    """A process of its own: its standard input and output are real ones."""
    place = ("--url", f"{server.url}/v1")
    environment = {**os.environ, "FOREVERUS_API_KEY": KEY, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [sys.executable, "-m", "foreverus.cli", "batch", *words, *place], env=environment, timeout=60, **options
    )  # type: ignore[call-overload]


def test_dash_reads_the_standard_input(server: Server, shell: Shell) -> None:
    shell.input = content(shell)
    assert shell.run("submit", "-") == 0
    assert server.contents["file-1"] == shell.input
    assert server.files["file-1"]["filename"] == "stdin.jsonl"
    assert "2 lines, all valid" in shell.err


def test_bad_line_of_the_standard_input_is_named(server: Server, shell: Shell) -> None:
    shell.input = b"{}\n"
    assert shell.run("submit", "-") == 2
    assert "stdin.jsonl is not valid; nothing was sent." in shell.err
    assert not server.contents


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/proc/self/fd/0"])
def test_pipe_is_read(server: Server, shell: Shell, name: str) -> None:
    given = content(shell)
    ended = command(server, "submit", name, input=given, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    assert server.contents["file-1"] == given


def test_named_pipe_is_read(server: Server, shell: Shell) -> None:
    given = content(shell)
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(given))
    writer.start()
    assert shell.run("submit", "pipe") == 0
    writer.join()
    assert server.contents["file-1"] == given


def test_endless_device_ends_in_a_clear_error(server: Server, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foreverus.cli.commands.MAX_FILE_BYTES", 1000)
    monkeypatch.setattr("foreverus.files.records.MAX_FILE_BYTES", 1000)
    assert shell.run("submit", "/dev/zero") == 2
    assert "file_too_large" in shell.err
    assert not server.contents


@pytest.mark.parametrize("name", ["", ".", "nowhere/in.jsonl", "in.jsonl/x"])
def test_what_is_no_file_is_named(server: Server, shell: Shell, name: str) -> None:
    content(shell)
    assert shell.run("submit", name) == 2
    assert "There is no file" in shell.err


# Downloads.


@pytest.fixture
def answers(server: Server) -> bytes:
    given = b"{}\n" * 100
    server.batches["batch_1"] = [batch(output_file_id=server.add_file("output.jsonl", given, "batch_output")["id"])]
    return given


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/proc/self/fd/1"])
def test_standard_output_gets_the_answers_alone(server: Server, answers: bytes, name: str) -> None:
    ended = command(server, "download", "batch_1", "--output", name, capture_output=True)
    assert (ended.returncode, ended.stdout) == (0, answers), ended.stderr


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_file_that_is_appended_to_keeps_what_it_had(server: Server, answers: bytes, tmp_path: Path, name: str) -> None:
    kept = tmp_path / "all.jsonl"
    kept.write_bytes(b"before\n")
    with kept.open("ab") as output:
        ended = command(server, "download", "batch_1", "--output", name, stdout=output, stderr=subprocess.PIPE)
    assert ended.returncode == 0, ended.stderr
    assert kept.read_bytes() == b"before\n" + answers


def test_pipe_is_written_to(shell: Shell, answers: bytes) -> None:
    pipe, got = shell.folder / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert shell.run("download", "batch_1", "--output", "pipe") == 0
    reader.join()
    assert got == [answers]
    assert pipe.is_fifo()


def test_device_behind_a_link_stays(shell: Shell, answers: bytes) -> None:
    """A link to the device: what replaced by name would replace this link, and as root the device itself."""
    null = shell.folder / "null"
    null.symlink_to("/dev/null")
    assert shell.run("download", "batch_1", "--output", "null") == 0
    assert null.is_symlink() and null.is_char_device()


@pytest.mark.parametrize("there", [True, False])
def test_link_stays_and_what_it_leads_to_is_written(shell: Shell, answers: bytes, there: bool) -> None:
    (shell.folder / "elsewhere").mkdir()
    target, link = shell.folder / "elsewhere" / "real.jsonl", shell.folder / "link.jsonl"
    if there:
        target.write_bytes(b"old")
    link.symlink_to(target)
    assert shell.run("download", "batch_1", "--output", "link.jsonl") == 0
    assert link.is_symlink()
    assert target.read_bytes() == answers
    assert [path.name for path in target.parent.iterdir()] == ["real.jsonl"]


def test_links_in_a_circle_are_said(shell: Shell, answers: bytes) -> None:
    (shell.folder / "a").symlink_to("b")
    (shell.folder / "b").symlink_to("a")
    assert shell.run("download", "batch_1", "--output", "a") == 2
    assert "cannot be written" in shell.err
