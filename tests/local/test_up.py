"""`make up` as a person uses it: what it leaves while it runs, and that it leaves nothing when it ends."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.processes import listens
from local.state import LOCAL, ROOT
from tests.cloud import unique
from tests.local.process_tree import alive, descendants, listening

pytestmark = pytest.mark.cloud

STARTING_S = 300


class Up:
    def __init__(self, state: Path, *options: str) -> None:
        self.state = state
        self.options = options
        self.log = state.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command(), cwd=ROOT, stdout=log, stderr=log, env={**os.environ})

    def command(self) -> list[str]:
        return [sys.executable, "-m", "local", "--state", str(self.state), "up", *self.options]

    @property
    def outputs(self) -> Path:
        return self.state / "outputs.json"

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, self.log.read_text()

    def wait(self) -> dict[str, str]:
        deadline = time.monotonic() + STARTING_S
        while not self.outputs.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        return dict(json.loads(self.outputs.read_text()))


@pytest.fixture
def up() -> Iterator[Up]:
    runs = LOCAL / "tests"
    runs.mkdir(parents=True, exist_ok=True)
    state = runs / unique(f"up-{os.getpid()}")  # what was killed has left its outputs
    running = Up(state)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.wait(60)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
def test_nothing_is_left_behind(up: Up, number: int) -> None:
    outputs = up.wait()
    assert stat.S_IMODE(up.outputs.stat().st_mode) == 0o600  # it holds a password
    with urllib.request.urlopen(outputs["page_url"] + "config.json") as page:
        assert json.load(page)["api_url"] == outputs["api_url"]
    assert set(outputs) == {
        *("page_url", "api_url", "websocket_url", "username", "password", "api_key", "aws_endpoint_url", "stack_name")
    }
    assert outputs["api_url"].endswith("/v1")

    second = subprocess.run(up.command(), cwd=ROOT, capture_output=True, text=True)
    assert second.returncode == 1
    assert f"process {up.process.pid}" in second.stderr

    children = descendants(up.process.pid)
    assert {"postgres", "python"} <= set(children.values()), children
    port = int(outputs["aws_endpoint_url"].rpartition(":")[2])
    addresses = listening([up.process.pid, *children])
    assert (f"127.0.0.1:{port}") in addresses
    assert [one for one in addresses if not one.startswith("127.0.0.1:")] == []
    up.process.send_signal(number)
    assert up.process.wait(60) == (0 if number == signal.SIGINT else -signal.SIGKILL)
    deadline = time.monotonic() + 15
    while left := {pid: name for pid, name in children.items() if alive(pid)}:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert not listens(port)
    if number == signal.SIGINT:
        assert not up.outputs.exists()
        assert not (up.state / "up.pid").exists()


def client(outputs: dict[str, str]) -> httpx.Client:
    return httpx.Client(
        base_url=outputs["api_url"], headers={"Authorization": f"Bearer {outputs['api_key']}"}, timeout=300
    )


def test_it_goes_on_where_it_ended_and_fresh_does_not(up: Up) -> None:
    lines = b'{"custom_id": "one"}\n'
    first = up.wait()
    with client(first) as api:
        conversation = api.post("/conversations", json={"title": "Capitais"}).raise_for_status().json()["id"]
        made = api.post("/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", lines)}).raise_for_status()
    up.end()
    assert stat.S_IMODE((up.state / "kept").stat().st_mode) == 0o700  # it holds a password

    again = Up(up.state)
    try:
        second = again.wait()
        assert [second[name] for name in ("password", "api_key")] == [first[name] for name in ("password", "api_key")]
        with client(second) as api:
            assert api.get(f"/conversations/{conversation}").raise_for_status().json()["title"] == "Capitais"
            assert api.get(f"/files/{made.json()['id']}/content").raise_for_status().content == lines
    finally:
        again.end()

    fresh = Up(up.state, "--fresh")
    try:
        third = fresh.wait()
        assert third["api_key"] != first["api_key"] and third["password"] != first["password"]
        with client(third) as api:
            assert api.get("/conversations").raise_for_status().json()["data"] == []
    finally:
        fresh.end()
