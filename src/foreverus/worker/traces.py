"""Segments on their way from the machine to X-Ray: a thread of their own sends them, a few at a time.

Nothing waits for it. What finds the queue full, or X-Ray dead, is dropped and counted; after a failure nothing is sent
for a while, and longer after the next.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from foreverus import ids, tracing
from foreverus.sessions.mailbox import MailboxSnapshot
from foreverus.sessions.records import Phase

log = logging.getLogger(__name__)

MOST_WAITING = 500  # documents; one of a chat has 1 KB
MOST_AT_ONCE = 50  # as X-Ray's own daemon
GATHER_S = 15.0  # until what has come is sent: a call takes more of the processor than all that it tells of
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0  # after a call that failed
LAST_S = 1.0  # for what is left when the worker ends: a GPU is paid by the second


class Segments(Protocol):
    def put(self, documents: Sequence[str]) -> int:
        """Sends them; returns how many X-Ray did not take. Raises what the call fails with."""


class XraySegments:
    """`client`: of boto3, with short timeouts and without retries."""

    def __init__(self, client: Any):
        self.client = client

    def put(self, documents: Sequence[str]) -> int:
        return len(self.client.put_trace_segments(TraceSegmentDocuments=documents).get("UnprocessedTraceSegments", []))


class TraceSender:
    """A sink of `tracing`. `sent` and `dropped` are counts of documents."""

    kind: Mapping[str, str] = MappingProxyType({"origin": "AWS::EC2::Instance"})

    def __init__(self, segments: Segments, gather_s: float = GATHER_S, pause_s: float = FIRST_PAUSE_S):
        self.sent = self.dropped = 0
        self._segments = segments
        self._gather_s = gather_s
        self._first_pause_s = self._pause_s = pause_s
        self._waiting: deque[bytes] = deque()
        self._there = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def send(self, document: bytes) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(document)
        self._there.set()

    def finish(self, within_s: float = LAST_S) -> None:
        """Sends what is left, if that takes no longer, and says once how it went. Blocks for so long at most."""
        self._ending.set()
        self._there.set()
        self._thread.join(within_s)
        if self.sent or self.dropped:
            log.info("traces: %d segments sent, %d dropped", self.sent, self.dropped + len(self._waiting))

    def _run(self) -> None:
        while not (self._ending.is_set() and not self._waiting):
            self._there.wait()
            self._ending.wait(self._gather_s)
            self._there.clear()
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
                if not self._put(some) and self._ending.is_set():
                    return

    def _put(self, some: Sequence[bytes]) -> bool:
        try:
            refused = self._segments.put([one.decode() for one in some])
        except Exception:  # counted, and not said: X-Ray may be away for the whole session
            self.dropped += len(some)
            self._ending.wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            return False
        self.dropped += refused
        self.sent += len(some) - refused
        self._pause_s = self._first_pause_s
        return True


def trace_boot(snapshot: MailboxSnapshot, phases: Sequence[Phase], healthy_at: datetime) -> None:
    """The machine's way from its launch to the first answer, phase by phase, in the trace that bought it."""
    with tracing.joined(snapshot.trace), tracing.step("boot", backend="gpu") as step:
        begun = [(one.name, ids.parse_timestamp(one.at).timestamp()) for one in phases]
        if snapshot.launched_at and begun:
            step.waited("launch", snapshot.launched_at.timestamp(), begun[0][1])
        ends = [at for _, at in begun[1:]] + [healthy_at.timestamp()]
        for (name, at), end in zip(begun, ends, strict=True):
            step.part(name, at, end)
