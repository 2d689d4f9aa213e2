"""What a session's end means for the batches that wait for a GPU."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.batches.records import Batch, BatchRef, BatchStatus, sessions_of
from foreverus.batches.store import Batches
from foreverus.errors import GpuSwitchedOff
from foreverus.sessions.advice import advice
from foreverus.sessions.closing import Successor
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.records import Outcome, Session, Trigger

logger = logging.getLogger(__name__)


def reason(session_id: str, code: str) -> str:
    """What the batch is told; the plan decides what follows.

    >>> reason("ses_1", "SessionEndRequested")
    'The GPU was switched off (session ses_1).'
    """
    if code == GpuSwitchedOff.code():
        return f"Somebody else of the team switched the GPU off (session {session_id})."
    if code == "SessionEndRequested":
        return f"The GPU was switched off (session {session_id})."
    if code == "SpendCapReached":
        return advice(code)
    return f"The GPU session {session_id} failed. {advice(code)}".rstrip()


@dataclass(frozen=True)
class WaitingBatches:
    """`sessions.closing.Waiting` for batches."""

    store: Batches
    pending: PendingWork
    tasks: Tasks
    live: Callable[[], list[str]]  # the sessions that hold a GPU slot

    def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
        """Ends the round of every batch that waits for a GPU in this error; each then plans again.

        With `until`, a batch that the session has worked on ends as well, however new its round is. With `by`, the
        person who has switched the GPU off, the round of somebody else's batch ends in `GpuSwitchedOff`: its plan goes
        on, on Bedrock or after a pause.
        """
        rejected = 0
        for waiting in self.pending.batches():
            ref = BatchRef(waiting.user_id, waiting.batch_id)
            batch = self.store.get(ref)
            if until and waiting.created_at > until and not self._served(batch, session_id):
                continue
            # Removed before the token is failed: then it is not the next round's that is removed.
            self.pending.remove(ref.batch_id)
            if batch is None or not batch.task_token:
                continue
            named = GpuSwitchedOff.code() if by and ref.user_id != by else code
            try:
                self.tasks.fail(batch.task_token, named, reason(session_id, named))
                rejected += 1
            except TaskRefused:
                logger.info("%s has moved on", ref.batch_id)
        return rejected

    def _served(self, batch: Batch | None, session_id: str) -> bool:
        return batch is not None and session_id in sessions_of(batch, self.store.shards(batch.batch_id))

    def successor(self, ended: Session) -> Successor | None:
        """A session that reached its maximum life or was drained gets a successor. One that was idle, or that a person
        has switched off, gets one only when no other GPU is live: where one is, what is left is in its hands."""
        batch = self._first()
        if batch is None or ((ended.outcome is Outcome.IDLE or ended.end_requested) and self.live()):
            return None
        return Successor(
            owner=batch.user_id,
            trigger=Trigger.BATCH,
            allow_on_demand=batch.on_demand,
            batch_id=batch.batch_id,
            gpus=batch.gpus,
        )

    def _first(self) -> Batch | None:
        """The oldest batch that waits. One that is over and was left there by a crash is no reason to buy a GPU."""
        for waiting in self.pending.batches():
            ref = BatchRef(waiting.user_id, waiting.batch_id)
            batch = self.store.get(ref)
            if batch and batch.status is BatchStatus.IN_PROGRESS:
                return batch
            self.pending.remove(ref.batch_id)
        return None
