"""The end of a GPU that was bought for a queue of people: it goes before the others, when they can do its work."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

from foreverus.choice.crowd import LEFT_S, has_left
from foreverus.sessions.records import Trigger
from foreverus.worker.consumer import Activity
from foreverus.worker.shutdown import IDLE, Shutdown
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

LOOK_S = 3.0  # an answer takes about as long


@dataclass(kw_only=True)
class CrowdWatch:
    """`slots`: of this engine. Nothing is read for it but what the worker has in hand."""

    activity: Activity
    watch: MailboxWatch
    slots: int
    shutdown: Shutdown
    _seen: deque[tuple[float, int]] = field(default_factory=deque, init=False)  # when, and how much was in hand

    async def run(self) -> None:
        """What is in hand when the crowd has left is answered first, as at every planned end."""
        begun = asyncio.get_running_loop().time()
        while not self.shutdown.stopping.is_set():
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            self._seen.append((now, self.activity.in_hand))
            while self._seen[0][0] < now - LEFT_S:
                self._seen.popleft()
            if self._is_for_a_crowd and now - begun >= LEFT_S and has_left(max(n for _, n in self._seen), self.slots):
                log.warning("the crowd has left: the other GPUs can do what is left")
                self.shutdown.begin(IDLE)

    @property
    def _is_for_a_crowd(self) -> bool:
        return self.watch.snapshot is not None and self.watch.snapshot.trigger is Trigger.CROWD
