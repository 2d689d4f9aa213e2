"""Clouds that start in the same moment do not take each other's ports, nor deploy into each other."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import Emulator
from local.ports import Port, free_port
from local.postgres import Postgres
from local.processes import LOOPBACK, Failed, listens
from local.state import ROOT

TOGETHER = 12
# Waits for the word, takes a port as a cloud does, says which, and keeps it until it is told to end.
TAKES_ONE = """
import sys
from local.ports import Port
print("ready", flush=True)
sys.stdin.readline()
port = Port(int(sys.argv[1]))
if sys.argv[2] == "leaves":
    port.leave()
print(port.number, flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def waiting(preferred: int, how: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", TAKES_ONE, str(preferred), how]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.stdin.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["listens", "leaves"])
def test_starts_in_the_same_moment_each_have_a_port_of_their_own(how: str) -> None:
    preferred = free_port()
    with contextlib.ExitStack() as all_of_them:
        clouds = [all_of_them.enter_context(waiting(preferred, how)) for _ in range(TOGETHER)]
        for cloud in clouds:
            assert cloud.stdout is not None and cloud.stdout.readline() == "ready\n"
        for cloud in clouds:
            assert cloud.stdin is not None
            cloud.stdin.write("go\n")
            cloud.stdin.flush()
        taken = [int(cloud.stdout.readline()) for cloud in clouds if cloud.stdout]
    assert len(set(taken)) == TOGETHER and preferred in taken


def test_a_strangers_port_is_left_alone() -> None:
    with socket.socket() as stranger:
        stranger.bind((LOOPBACK, 0))
        stranger.listen()
        number = stranger.getsockname()[1]
        with contextlib.closing(Port(number)) as other:
            assert other.number != number
    with contextlib.closing(Port(number)) as again:
        assert again.number == number


def test_a_port_that_a_program_is_about_to_open_is_nobody_elses() -> None:
    with contextlib.closing(Port()) as postgres:
        number = postgres.leave()
        assert not listens(number)
        with contextlib.closing(Port(number)) as other:
            assert other.number != number


def test_a_killed_cloud_holds_no_port() -> None:
    with waiting(0, "leaves") as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        number = int(process.stdout.readline())
        process.kill()
        process.wait()
    with contextlib.closing(Port(number)) as again:
        assert again.number == number


def test_postgres_keeps_its_port_from_the_first_moment(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path, tmp_path / "log")
    try:
        with contextlib.closing(Port(postgres.port)) as other:
            assert other.number != postgres.port
    finally:
        postgres.close()


@pytest.fixture
def emulators(tmp_path: Path) -> Iterator[list[Emulator]]:
    """Two that wanted the same port."""
    preferred = free_port()
    both = [Emulator(tmp_path / name, tmp_path / f"{name}.log", port=preferred) for name in ("one", "two")]
    try:
        yield both
    finally:
        for one in both:
            one.stop()


def test_two_emulators_that_want_one_port_are_two_clouds(emulators: list[Emulator]) -> None:
    for one in emulators:
        one.start()
    for number, one in enumerate(emulators):
        one.wait()
        one.client("s3").create_bucket(Bucket=f"of-{number}")
    names = [[bucket["Name"] for bucket in one.client("s3").list_buckets()["Buckets"]] for one in emulators]
    assert names == [["of-0"], ["of-1"]]


def test_what_answers_in_an_emulators_place_is_not_taken_for_it(emulators: list[Emulator]) -> None:
    ours, other = emulators
    other.start()
    other.wait()
    ours.start()
    ours.url = other.url  # as when both have the same address
    with pytest.raises(Failed, match="not the emulator that was started here"):
        ours.wait()


def test_an_emulators_port_is_gone_with_it_and_taken_again(emulators: list[Emulator]) -> None:
    one, _ = emulators
    one.start()
    one.wait()
    assert one.child.process is not None
    one.child.process.kill()
    one.child.process.wait()
    deadline = time.monotonic() + 30
    while listens(one.port):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with contextlib.closing(Port(one.port)) as other:
        assert other.number != one.port, "it is ours until we are told to end"
    one.start()
    one.wait()
