"""A unit that ends is noticed within seconds, with its last lines, and another machine comes only where it can help."""

import asyncio
from pathlib import Path

import pytest

from foreverus.backends.port import Health
from foreverus.worker.units import Unit, UnitFiles, UnitState, Word
from tests.unit.worker.harness import World, ends, in_jumping_time, until

NOTICED_S = 15

# (unit, exit status, last line, whether another machine can help)
DEATHS = [
    (
        Unit.IMAGE,
        1,
        "Error response from daemon: manifest for vllm/vllm-openai@sha256:00 not found: manifest unknown",
        False,
    ),
    (Unit.IMAGE, 1, "pull access denied for vlm/vllm, repository does not exist or may require 'docker login'", False),
    (Unit.IMAGE, 1, 'docker.io/vllm/vllm-openai:v9: failed to resolve reference "docker.io/v:9": not found', False),
    (Unit.IMAGE, 1, "Get https://registry-1.docker.io/v2/: net/http: TLS handshake timeout", True),
    (Unit.IMAGE, 1, "toomanyrequests: You have reached your pull rate limit.", True),
    (Unit.IMAGE, 1, "write /var/lib/containerd/x: no space left on device", True),
    (Unit.IMAGE, 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", True),
    (Unit.ENGINE, 125, "docker: invalid reference format", False),
    (Unit.ENGINE, 125, "docker: unknown flag: --gpu", False),
    (Unit.ENGINE, 125, "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch", True),
    (Unit.ENGINE, 125, 'could not select device driver "" with capabilities: [[gpu]]', True),
    (Unit.ENGINE, 125, "docker: something that nobody has seen yet", True),
    (Unit.ENGINE, 127, 'exec: "vlm": executable file not found in $PATH: unknown', False),
    (Unit.ENGINE, 2, "vllm: error: unrecognized arguments: --shutdown-timeot 110", False),
    (Unit.ENGINE, 1, "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig", False),
    (Unit.ENGINE, 1, "RuntimeError: CUDA driver initialization failed, you might not have a CUDA gpu.", True),
    (Unit.ENGINE, 1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", True),
    (Unit.ENGINE, 137, "", True),
    (Unit.ENGINE, 0, "", True),
]


@pytest.mark.parametrize(("unit", "code", "line", "helps"), DEATHS)
def test_boot_fails_within_seconds_of_a_units_end(unit: Unit, code: int, line: str, helps: bool) -> None:
    @in_jumping_time
    async def live() -> None:
        world = World()
        world.engine.state = Health.UNREACHABLE  # as it is until it loads: its address says nothing
        async with world.worker(serving=False) as worker:
            await asyncio.sleep(60)
            assert not worker.done()
            world.units.put(unit, f"failed {code}\nstarting\n{line}\n")
            died = asyncio.get_running_loop().time()
            assert await ends(worker) == 1
            assert asyncio.get_running_loop().time() - died < NOTICED_S
        error, cause = world.result
        assert error == ("BootFailed" if helps else "BootFailedForGood")
        assert f"exit status {code}" in cause and (line or "starting") in cause

    live()


@in_jumping_time
async def test_engine_that_ends_while_it_serves_is_reported_with_its_last_line() -> None:
    world = World()
    async with world.worker() as worker:
        await until(lambda: "serve-token" in world.tasks.heartbeats)
        world.units.put(Unit.ENGINE, "failed 139\nSegmentation fault")
        begun = asyncio.get_running_loop().time()
        assert await ends(worker) == 1
        assert asyncio.get_running_loop().time() - begun < NOTICED_S
    error, cause = world.result
    assert error == "EngineFailed" and "exit status 139" in cause and "Segmentation fault" in cause


@pytest.mark.parametrize(
    ("image", "weights", "phases"),
    [
        ("working", "ready", ["booting", "downloading", "loading", "healthy"]),
        ("ready", "working", ["booting", "downloading", "loading", "healthy"]),
        ("prepared", "working", ["booting", "downloading", "loading", "healthy"]),
        ("prepared", "prepared", ["booting", "prepared", "loading", "healthy"]),
    ],
)
def test_people_see_what_the_machine_does(image: str, weights: str, phases: list[str]) -> None:
    @in_jumping_time
    async def live() -> None:
        world = World()
        world.engine.state = Health.UNREACHABLE
        world.units.put(Unit.IMAGE, image)
        world.units.put(Unit.WEIGHTS, weights)
        async with world.worker(serving=False):
            await asyncio.sleep(10)
            world.units.put(Unit.ENGINE, "working")
            await asyncio.sleep(10)
            world.engine.state = Health.GOOD
            await until(lambda: ("healthy", 0) in world.mailbox.phases)
        assert [name for name, _ in world.mailbox.phases] == phases

    live()


def test_files_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    units = UnitFiles(tmp_path)
    assert units.look() == {} == UnitFiles(tmp_path / "nowhere").look()
    (tmp_path / "image").write_text("ready\n")
    (tmp_path / "engine").write_bytes(b"failed 125\n\xff broken\n\n" + b"x" * 9000)
    (tmp_path / "weights").write_text("")
    found = units.look()
    assert set(found) == {Unit.IMAGE, Unit.ENGINE}
    assert found[Unit.IMAGE] == UnitState(Unit.IMAGE, Word.READY)
    assert found[Unit.ENGINE].code == 125 and len(found[Unit.ENGINE].cause) < 1000


@in_jumping_time
async def test_machine_that_was_prepared_says_so_although_its_engine_runs_already() -> None:
    world = World()
    for unit, word in ((Unit.IMAGE, "prepared"), (Unit.WEIGHTS, "prepared"), (Unit.ENGINE, "working")):
        world.units.put(unit, word)
    async with world.worker(serving=False):
        await asyncio.sleep(10)
    assert [name for name, _ in world.mailbox.phases] == ["booting", "prepared", "loading", "healthy"]
