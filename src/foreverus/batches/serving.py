"""A round on the GPU: the batch's task token is kept, its shards are queued, and a session is started or joined."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.batches.records import Batch, BatchRef
from foreverus.batches.shards.queue import Shards, shard_message
from foreverus.batches.store import Batches
from foreverus.errors import NotAccepted
from foreverus.sessions.records import Session, Trigger

logger = logging.getLogger(__name__)


class Starter(Protocol):
    """`SessionStarter`."""

    def start(
        self, owner: str, trigger: Trigger, *, allow_on_demand: bool = False, batch_id: str = ""
    ) -> tuple[Session, bool]: ...
    def start_more(self, owner: str, batch_id: str, count: int, allow_on_demand: bool = False) -> int: ...


def start_sessions(starter: Starter, batch: Batch) -> None:
    """As many sessions as the newest plan found the batch worth. The first must be there: raises what
    `SessionStarter.start` raises. The batch can do without the others."""
    starter.start(batch.user_id, Trigger.BATCH, allow_on_demand=batch.on_demand, batch_id=batch.batch_id)
    if batch.gpus > 1:
        try:
            started = starter.start_more(batch.user_id, batch.batch_id, batch.gpus, batch.on_demand)
        except NotAccepted:
            logger.warning("%s is worth %d GPUs and goes on with fewer", batch.batch_id, batch.gpus, exc_info=True)
        else:
            logger.info("%s is worth %d GPUs: %d more sessions were started", batch.batch_id, batch.gpus, started)


@dataclass(frozen=True)
class GpuRounds:
    store: Batches
    queue: Shards
    starter: Starter
    tasks: Tasks
    clock: Callable[[], datetime]

    def serve(self, ref: BatchRef, round_: int, token: str) -> None:
        """Offers what is left to the workers. Safe to run twice: a shard that is queued twice is answered once.

        The token is answered here when nothing is to be waited for: `moved_on` when the round is not the newest or the
        batch is being cancelled, `done` when every shard is. Raises NotAccepted or SpendCapReached when no session
        can be had; the batch waits until the next plan, and a session that is started meanwhile serves it.
        """
        if not self.store.offer(ref, round_, token, self.clock()):
            return self._answer(token, "moved_on")
        left = [one for one in self.store.shards(ref.batch_id) if not one.is_done]
        if not left:
            self.store.stop_waiting(ref)
            return self._answer(token, "done")
        # The longest shards first: what is taken last is what everybody waits for at the end.
        left.sort(key=lambda one: one.completion_tokens_limit, reverse=True)
        self.queue.send([shard_message(ref, one.number, round_) for one in left])
        start_sessions(self.starter, self.store.get(ref) or Batch(user_id=ref.user_id, batch_id=ref.batch_id))

    def _answer(self, token: str, outcome: str) -> None:
        try:
            self.tasks.succeed(token, {"outcome": outcome})
        except TaskRefused:
            logger.info("the round is over already: nobody waits for %s", outcome)
