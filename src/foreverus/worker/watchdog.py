"""Signs of life for systemd's watchdog: a worker that hangs is killed, and its end is the machine's end.

The signs come from the event loop, so a loop that stands still (a stopped process, an endless computation) gives none.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

SIGNS_PER_LIMIT = 4  # one late or lost sign kills nobody


class Watchdog:
    """`limit_s`: systemd's WatchdogSec; 0 when nobody watches, as on a laptop."""

    def __init__(self, address: str, limit_s: float):
        self.limit_s = limit_s
        self._address = "\0" + address[1:] if address.startswith("@") else address  # an abstract socket

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> "Watchdog":
        """NOTIFY_SOCKET and WATCHDOG_USEC, as sd_notify(3) and sd_watchdog_enabled(3) describe them."""
        address = environment.get("NOTIFY_SOCKET", "")
        meant_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit_us = int(environment.get("WATCHDOG_USEC") or 0) if address and meant_for_us else 0
        return cls(address, limit_us / 1_000_000)

    async def run(self) -> None:
        """Gives signs until it is cancelled; returns at once when nobody watches."""
        while self.limit_s:
            self.sign()
            await asyncio.sleep(self.limit_s / SIGNS_PER_LIMIT)

    def sign(self) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(b"WATCHDOG=1", self._address)
        except OSError as err:  # without signs systemd ends us: that is its decision
            log.warning("watchdog: %r", err)
