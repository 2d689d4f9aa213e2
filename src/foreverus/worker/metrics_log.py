"""The worker's metrics on their way to CloudWatch Logs, where they become metrics: no agent runs on the machine, and
the journal's last lines are sent at its end only.

A line is put into a bounded list and nothing else is done for it by whoever says it. Once a minute a thread of its own
sends them: no answer and no end waits for it.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Any

from botocore.exceptions import ClientError

from foreverus.concurrency import RunBlocking

log = logging.getLogger(__name__)

EVERY_S = 60.0
LAST_S = 3.0  # for the last lines, at the machine's end
MOST_LINES = 5_000  # of some 600 bytes: a call of PutLogEvents takes 10,000 events and 1 MB
MOST_CALL = 1_000


def stream_name(session_id: str, instance_id: str) -> str:
    """Not below the session's own streams: those are the machine's last lines, for people."""
    return f"metrics/{session_id}/{instance_id}"


class MetricsLog:
    """`client`: of CloudWatch Logs. `write` is what `Metrics` is given. `run_blocking`: a thread that nothing else
    needs, since a call may hang."""

    def __init__(self, client: Any, group: str, stream: str, run_blocking: RunBlocking):
        self._client = client
        self._group = group
        self._stream = stream
        self._run_blocking = run_blocking
        self._lines: deque[tuple[int, str]] = deque(maxlen=MOST_LINES)  # the newest ones
        self._has_stream = False

    def write(self, line: str) -> None:
        self._lines.append((int(time.time() * 1000), line))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self.send()

    async def finish(self) -> None:
        """The last lines; a CloudWatch that hangs is not waited for."""
        try:
            async with asyncio.timeout(LAST_S):
                await self.send()
        except TimeoutError:
            log.warning("the last metrics are not sent")

    async def send(self) -> None:
        """Sends what there is. What CloudWatch refuses is kept for the next time; what may have arrived is not sent
        again, or it would count twice. Never raises."""
        while self._lines:
            some = [self._lines.popleft() for _ in range(min(MOST_CALL, len(self._lines)))]
            try:
                await self._run_blocking(self._put, some)
            except ClientError as err:
                log.warning("%d metrics are refused for now: %s", len(some), err)
                self._lines.extendleft(reversed(some))
                return
            except Exception as err:
                log.warning("%d metrics may be lost: %r", len(some), err)
                return

    def _put(self, lines: list[tuple[int, str]]) -> None:
        if not self._has_stream:
            try:
                self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
            except ClientError as err:  # it is there already, or the next call says what is wrong
                log.info("the stream %s: %s", self._stream, err)
            self._has_stream = True
        events = [{"timestamp": at, "message": line} for at, line in sorted(lines, key=lambda one: one[0])]
        self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)
