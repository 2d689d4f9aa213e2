"""Signs of life for systemd: given while the loop turns, and only when somebody watches."""

import asyncio
import os
import socket
from pathlib import Path

from foreverus.worker.watchdog import Watchdog
from tests.unit.worker.harness import in_jumping_time


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    listener.setblocking(False)
    return listener


def signs(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            assert listener.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            return count
        count += 1


def test_loop_that_turns_gives_four_signs_in_each_limit(tmp_path: Path) -> None:
    @in_jumping_time
    async def turn() -> None:
        watchdog = Watchdog.from_env({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "120000000"})
        assert watchdog.limit_s == 120
        running = asyncio.create_task(watchdog.run())
        await asyncio.sleep(119)
        running.cancel()

    with listen(tmp_path / "notify") as listener:
        turn()
        assert signs(listener) == 4


@in_jumping_time
async def test_nobody_watches_on_a_laptop() -> None:
    await Watchdog.from_env({}).run()
    await Watchdog.from_env({"WATCHDOG_USEC": "1000000"}).run()
    other = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)}
    await Watchdog.from_env(other).run()


@in_jumping_time
async def test_systemd_that_does_not_listen_does_not_end_the_worker() -> None:
    Watchdog("/nowhere/notify", 10).sign()
