"""Ports of loopback that are ours from the moment we have their number, whoever else starts in the same second.

A port that was free when somebody looked is anybody's: two clouds that started together took the same one, and one of
them deployed into the other. So a port is taken before its number is used, and kept.
"""

import contextlib
import random
import socket

from local.processes import LOOPBACK, Failed

# Below the ports that systems give to outgoing connections (Linux from 32768, others from 49152).
OURS = range(20_000, 32_768)
BACKLOG = 1024


class Port:
    """One port of 127.0.0.1: the preferred one if it is free, else any. `close` it when its program has ended.

    A program that takes an open socket gets `listener`, which nobody can come before. Others (PostgreSQL, llama.cpp)
    open the port themselves after `leave`. Until then and afterwards the claim keeps everybody away who takes a port
    by this class: the UDP port of the same number, which the kernel gives to one socket of the machine and takes back
    with its process, even at kill -9. Nothing is ever read from it.
    """

    def __init__(self, preferred: int = 0) -> None:
        """Failed, when the machine has none."""
        for number in ([preferred] if preferred else []) + random.SystemRandom().sample(OURS, 50):
            claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                claim.bind((LOOPBACK, number))
                self._listener: socket.socket | None = listen(number)
            except OSError:
                claim.close()
                continue
            self.number, self._claim = number, claim
            return
        raise Failed("This machine has no free port on 127.0.0.1.")

    def listener(self) -> socket.socket:
        """Its socket, which listens already: the caller's from now on. When its program has ended, another one.

        OSError when a stranger's program has taken the port meanwhile."""
        listener, self._listener = self._listener or listen(self.number), None
        return listener

    def leave(self) -> int:
        """Its number, for a program that opens it itself, now."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        return self.number

    def close(self) -> None:
        self.leave()
        self._claim.close()


def listen(number: int) -> socket.socket:
    """OSError when somebody else listens there."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: a port whose last connections are still closing counts as free. Of two that bind it so at the
        # same time only one can listen.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # whoever is accepted has it too
        listener.bind((LOOPBACK, number))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def free_port() -> int:
    """For a test's or a benchmark's own server: a port that nobody has at this moment. Parts of a cloud keep theirs."""
    with contextlib.closing(Port()) as port:
        return port.leave()
