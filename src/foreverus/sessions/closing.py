"""Closing a session, when its instance is gone: what waits is rejected, its end and its cost are written, its GPU slot
is released, its successor started. Each step may be the last one before a crash, and all of them can be run again:

| crash after | what is missing | who does it |
|---|---|---|
| a rejection | the end | the state machine's next try, else the reaper (`SessionLost`) |
| the end (one transaction: record, ledger, outbox) | the slot is held by a session that is over: nobody starts beside it | the next try, else the reaper |
| the slot's release | the diary's facts, the successor | the next try; else a sweep starts a session for what waits |
| the successor's start | the notification | the state machine, else the reaper, from the outbox |

So nobody sees a free slot before the cost of its last holder is in the ledger, and the end that is written first stands.
"""  # noqa: E501

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.aws.step_functions import STACK_DELETED
from foreverus.costs.launch import Launch, Lifecycle
from foreverus.costs.meter import spent_usd
from foreverus.costs.prices import Price
from foreverus.costs.receipt import Receipt, receipt
from foreverus.costs.usage.report import Elsewhere
from foreverus.errors import LaunchRefused, NoGpuCapacity, NotAccepted, SessionEndRequested, SpendCapReached
from foreverus.metrics import SILENT, Metrics
from foreverus.notifications.notification import Notification
from foreverus.sessions.advice import advice, where_the_log_is
from foreverus.sessions.availability import healthy_minutes
from foreverus.sessions.capacity import DiaryEntry, Pool, Refusal, entries, last_bought
from foreverus.sessions.launch_refusals import Reason, RefusedLaunch, reasons
from foreverus.sessions.notification import is_told, notification
from foreverus.sessions.records import Outcome, Session, SessionEnd, SessionStatus, Trigger, ended
from foreverus.sessions.refused import RefusedPool
from foreverus.sessions.spot_lives import LostGpu
from foreverus.sessions.start import SessionStarter

LOOKED_BACK = 100  # sessions: those of an hour, of which each that fails takes half a minute or more
CAUSE_LIMIT = 1000  # characters of an error's cause that are worth keeping and mailing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What an execution ended in: an error's name and its words. `reasons`: of refused launches, the last one first."""

    code: str
    cause: str = ""
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, code: str, cause: str, launches: Sequence[RefusedLaunch]) -> "Failure":
        """A refused launch gets the name under which people know it: what waits ends in it, and batches plan by it."""
        found = reasons(launches) if code == LaunchRefused.code() else ()
        return cls(found[0].error if found else code, cause, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRequest:
    """`outcome`: of a session that did not fail. `terminated_at` empty: now. `refusals`: what EC2 did not sell, for the
    diary; `refused`: for the record. `unfit_image`: the published image from which a GPU did not boot. `lost`: its GPUs
    that were lost before; None: nobody has seen how they ended. `pools`: the names of all that could be asked for."""

    session_id: str
    outcome: Outcome = Outcome.ENDED
    failure: Failure | None = None
    terminated_at: str = ""
    refusals: Sequence[Refusal] = ()
    refused: tuple[RefusedPool, ...] = ()
    unfit_image: str = ""
    lost: Sequence[LostGpu] | None = None
    pools: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    session_id: str
    status: SessionStatus
    error: str
    notification: Notification | None  # None: there is nothing to tell


class Closing(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def newest(self, limit: int) -> list[Session]: ...
    def close(
        self, session: Session, end: SessionEnd, usd: float, price_unknown: bool = False, *, told: bool = True
    ) -> bool: ...
    def release_slot(self, session: Session) -> None: ...


@dataclass(frozen=True)
class Successor:
    """The session that something still waits for. `gpus`: how many live sessions it is worth."""

    owner: str
    trigger: Trigger
    allow_on_demand: bool
    batch_id: str = ""
    gpus: int = 1


class Waiting(Protocol):
    """A kind of work that waits for a session: chat requests, batches."""

    def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
        """Ends each request that waits (accepted not later than `until`) in one clear error; returns how many. `by`:
        the person whose wish it is; what others can have elsewhere is not theirs to end."""

    def successor(self, ended: Session) -> Successor | None:
        """What waits after the good end of the session `ended`; None: nothing."""


class Diary(Protocol):
    def read(self) -> list[Pool]: ...
    def write(self, entries: list[DiaryEntry]) -> None: ...


def no_bake(session: Session) -> None:
    """In place of `baking.BakesOver`, where nothing is baked."""


def learns_nothing(session: Session, request: CloseRequest) -> None:
    """In place of `pool_learning.PoolLearning.learn`."""


def no_images(image_id: str) -> bool:
    """In place of `PublishedImage.withdraw`, where the stack keeps no images."""
    return False


@dataclass(frozen=True, kw_only=True)
class SessionCloser:
    store: Closing
    starter: SessionStarter
    waiting: tuple[Waiting, ...]
    diary: Diary
    price_of: Callable[[Launch], Price]
    region: str
    clock: Callable[[], datetime]
    end_bake: Callable[[Session], None] = no_bake
    database_usd: float = 0.0  # what it costs to store a session
    elsewhere: Elsewhere | None = None  # what receipts compare with
    machine_log_group: str = ""
    withdraw_image: Callable[[str], bool] = no_images
    metrics: Metrics = SILENT
    learn: Callable[[Session, CloseRequest], None] = learns_nothing

    def close(self, request: CloseRequest) -> Closed:
        """Safe to run twice, and at once with another run.

        After a failure what waits ends in that error: a boot that always fails must not buy one GPU after the other; so
        it does at a spend cap. When a person switched the GPU off, what was not answered by then ends in
        `SessionEndRequested`: off means off; but a batch of somebody else goes on, later or on Bedrock. Who was
        accepted after that, or too late for a good end, gets a successor.
        A receipt, a diary or a rejection that fails is logged; it does not keep the session open.
        """
        now = self.clock()
        new = Session(session_id=request.session_id, created_at=ids.timestamp(now))
        session = self.store.get(request.session_id) or new
        successor_allowed = True
        if not session.is_over:  # else an earlier run has rejected what waited for it: who waits now came later
            successor_allowed = self._reject_what_waits(session, request)
            session = self._end(session, request, now)
        withdrawn = self._withdraw(request.unfit_image)  # before somebody else may launch from it
        self.store.release_slot(session)
        self.end_bake(session)
        self._write_diary(session, request.refusals)
        if successor_allowed:
            self._start_successor(session)
        self.learn(session, request)  # behind all that people wait for
        told = notification(session, request.unfit_image if withdrawn else "") if self._is_told(session) else None
        return Closed(session.session_id, session.status, session.error, told)

    def _is_told(self, session: Session) -> bool:
        """Whoever cannot find out is told."""
        try:
            return is_told(session, () if session.launches else self.store.newest(LOOKED_BACK))
        except Exception:
            logger.exception("the sessions before %s could not be read", session.session_id)
            return True

    def _reject_what_waits(self, session: Session, request: CloseRequest) -> bool:
        """Whether what waits from here on may have a successor: not, where something that should have ended in this
        session's error could not be rejected. The sweep sees to it."""
        if request.failure:
            done = self._reject(session.session_id, request.failure.code)
            return done and request.failure.code != STACK_DELETED  # nobody would end a successor any more
        if request.outcome is Outcome.SPEND_CAP:
            return self._reject(session.session_id, SpendCapReached.code())
        if session.end_requested:
            until, by = session.end_requested_at, session.spares_all_but
            self._reject(session.session_id, SessionEndRequested.code(), until, by)
        return True

    def _end(self, session: Session, request: CloseRequest, now: datetime) -> Session:
        """The session as it is when its end is written. Somebody else's end that was faster stands."""
        session = self.store.get(session.session_id) or session  # what was rejected has added its tokens
        terminated = ids.parse_timestamp(request.terminated_at) if request.terminated_at else now
        bill = self._receipt(session, terminated)
        guarded = spent_usd(session.launches, terminated, self.region) + session.bedrock.usd + self.database_usd
        known = bill.total_usd if bill else None
        failure = self._with_advice(session, request.failure, request.refusals, now) if request.failure else None
        end = SessionEnd(
            status=SessionStatus.FAILED if failure else SessionStatus.ENDED,
            outcome=Outcome.FAILED if failure else request.outcome,
            error=failure.code if failure else "",
            cause=self._with_log(session, failure.cause) if failure else "",
            terminated_at=ids.timestamp(terminated),
            ended_at=ids.timestamp(now),
            receipt=bill,
            refused=request.refused,
            bedrock_counted_usd=session.bedrock.usd,  # what comes later is counted by who brings it
        )
        told = self._is_told(ended(session, end))
        usd = guarded if known is None else known
        if self.store.close(session, end, usd, price_unknown=known is None, told=told):
            self.metrics.session(*healthy_minutes(session, terminated))
            return ended(session, end)
        return self.store.get(session.session_id) or session

    def _withdraw(self, image_id: str) -> bool:
        """Whether sessions do not start from that image any more. A call that fails is logged: the next session tries
        the image again, and then this."""
        try:
            return bool(image_id) and self.withdraw_image(image_id)
        except Exception:
            logger.exception("%s could not be withdrawn", image_id)
            return False

    def _receipt(self, session: Session, terminated: datetime) -> Receipt | None:
        try:
            return receipt(session, self.region, terminated, self.price_of, self.database_usd, self.elsewhere)
        except Exception:
            logger.exception("no receipt for %s", session.session_id)
            return None

    def _with_advice(self, session: Session, failure: Failure, refusals: Sequence[Refusal], now: datetime) -> Failure:
        """What people can do about it comes first: a long cause is cut at its end."""
        hope = ""
        if failure.code == NoGpuCapacity.code():
            try:
                hope = last_bought(self.diary.read(), now)
            except Exception:
                logger.exception("the capacity diary could not be read")
        on_demand = session.allow_on_demand or any(one.lifecycle == Lifecycle.ON_DEMAND for one in refusals)
        words = [
            hint or advice(code, region=self.region, on_demand=on_demand, last_bought=hope)
            for code, hint in [(one.error, one.hint) for one in failure.reasons] or [(failure.code, "")]
        ]
        return Failure(failure.code, " ".join(filter(None, [*dict.fromkeys(words), failure.cause])))

    def _with_log(self, session: Session, cause: str) -> str:
        """The cause in its limit, and where there is more."""
        if not session.launches or not self.machine_log_group:
            return cause[:CAUSE_LIMIT]
        where = where_the_log_is(self.machine_log_group, session.session_id)
        return f"{cause[: CAUSE_LIMIT - len(where) - 1]} {where}".lstrip()

    def _write_diary(self, session: Session, refusals: Sequence[Refusal]) -> None:
        try:
            self.diary.write(entries(session.launches, refusals))
        except Exception:
            logger.exception("the capacity diary misses what %s saw", session.session_id)

    def _reject(self, session_id: str, code: str, until: str = "", by: str = "") -> bool:
        """Whether all of them could be rejected."""
        done = True
        for waiting in self.waiting:
            try:
                rejected = waiting.reject_all(session_id, code, until, by)
            except Exception:
                logger.exception("requests still wait after %s: the sweep will see to them", session_id)
                done = False
            else:
                logger.warning("%d waiting requests ended in %s", rejected, code)
        return done

    def _start_successor(self, closed: Session) -> None:
        """All kinds of work share the GPUs: the second start joins the first one's session."""
        for wanted in filter(None, (waiting.successor(closed) for waiting in self.waiting)):
            try:
                self.starter.start(
                    wanted.owner, wanted.trigger, allow_on_demand=wanted.allow_on_demand, batch_id=wanted.batch_id
                )
                if wanted.gpus > 1:
                    self.starter.start_more(wanted.owner, wanted.batch_id, wanted.gpus, wanted.allow_on_demand)
            except SpendCapReached:
                self._reject(closed.session_id, SpendCapReached.code())
                return
            except NotAccepted:
                logger.warning("something waits and no session could be started: the sweep will", exc_info=True)
