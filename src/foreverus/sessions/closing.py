"""Closing a session, when its instance is gone: the record's end, the receipt, the notification, the successor."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.costs.launch import Launch
from foreverus.costs.meter import spent_usd
from foreverus.costs.prices import Price
from foreverus.costs.receipt import Receipt, receipt
from foreverus.errors import NoGpuCapacity, NotAccepted, SessionEndRequested, SpendCapReached
from foreverus.sessions.advice import advice
from foreverus.sessions.capacity import Entry, Refusal, entries, last_bought
from foreverus.sessions.records import Outcome, Session, SessionStatus, Trigger
from foreverus.sessions.start import SessionStarter

Item = dict[str, Any]

SNS_SUBJECT_LIMIT = 99  # SNS: fewer than 100 characters
CAUSE_LIMIT = 1000  # characters of an error's cause that are worth keeping and mailing

logger = logging.getLogger(__name__)


class Closing(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def close(self, session_id: str, changes: Item, now: datetime, usd: float) -> Session: ...


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

    def reject_all(self, session_id: str, code: str, until: str = "") -> int:
        """Ends each request that waits (accepted not later than `until`) in one clear error; returns how many."""

    def successor(self, ended: Session) -> Successor | None:
        """What waits after the good end of the session `ended`; None: nothing."""


class Diary(Protocol):
    def read(self) -> list[Item]: ...
    def write(self, entries: list[Entry]) -> None: ...


@dataclass(frozen=True)
class SessionCloser:
    store: Closing
    starter: SessionStarter
    waiting: tuple[Waiting, ...]
    diary: Diary
    price_of: Callable[[Launch], Price]
    region: str
    clock: Callable[[], datetime]

    def close(
        self,
        session_id: str,
        outcome: str | None = None,
        error: dict[str, str] | None = None,
        terminated_at: str | None = None,
        refusals: Sequence[Refusal] = (),
    ) -> Item:
        """Returns `{session_id, status, notification: {subject, message}}`. Safe to run twice.

        After a failure what waits ends in that error: a boot that always fails must not buy one GPU after the other; so
        it does at a spend cap. When a person switched the GPU off, what was not answered by then ends in
        `SessionEndRequested`: off means off. Who was accepted after that, or too late for a good end, gets a successor.
        A receipt, a diary or a rejection that fails is logged; it does not keep the session open.

        `refusals`: what EC2 did not sell, for the diary.
        """
        now = self.clock()
        session = self.store.get(session_id) or Session(session_id=session_id, created_at=ids.timestamp(now))
        end = ids.parse_timestamp(terminated_at) if terminated_at else now
        advised = self._advised(session, error, refusals, now) if error else None
        changes = closing_changes(outcome, advised, ids.timestamp(end))
        what_waits_is_theirs = True  # who was accepted from here on did not wait for this session
        if session.is_over:
            pass  # the first run has seen to those; who waits now waits for somebody else
        elif error:
            what_waits_is_theirs = self._reject_waiting(session_id, changes["error"])
        elif outcome == Outcome.SPEND_CAP:
            what_waits_is_theirs = self._reject_waiting(session_id, SpendCapReached.code())
        elif session.end_requested:
            self._reject_waiting(session_id, SessionEndRequested.code(), session.end_requested_at)
        session = self.store.get(session_id) or session
        usd = spent_usd(session.launches, end, self.region) + session.bedrock.usd
        try:
            bill = receipt(session, self.region, end, self.price_of)
            changes["receipt"] = asdict(bill)
            usd = usd if bill.total_usd is None else bill.total_usd
        except Exception:
            logger.exception("no receipt for %s", session_id)
        if not session.is_over and session.bedrock.usd:
            changes["bedrock_counted_usd"] = session.bedrock.usd  # what comes later is counted by who brings it
        closed = self.store.close(session_id, changes, now, usd)
        self._write_diary(session, refusals)
        if what_waits_is_theirs:
            self._start_successor(closed)
        return {"session_id": session_id, "status": closed.status, "notification": notification(closed)}

    def _advised(
        self, session: Session, error: dict[str, str], refusals: Sequence[Refusal], now: datetime
    ) -> dict[str, str]:
        """The error with what people can do about it, first: a long cause is cut at its end."""
        code = error.get("Error", "Unknown")
        hope = ""
        if code == NoGpuCapacity.code():
            try:
                hope = last_bought(self.diary.read(), now)
            except Exception:
                logger.exception("the capacity diary could not be read")
        on_demand = session.allow_on_demand or any(one.lifecycle == "on-demand" for one in refusals)
        words = advice(code, region=self.region, on_demand=on_demand, last_bought=hope)
        return {"Error": code, "Cause": " ".join(filter(None, [words, error.get("Cause", "")]))}

    def _write_diary(self, session: Session, refusals: Sequence[Refusal]) -> None:
        try:
            self.diary.write(entries(session.launches, refusals))
        except Exception:
            logger.exception("the capacity diary misses what %s saw", session.session_id)

    def _reject_waiting(self, session_id: str, code: str, until: str = "") -> bool:
        """Whether all of them could be told."""
        told = True
        for waiting in self.waiting:
            try:
                rejected = waiting.reject_all(session_id, code, until)
            except Exception:
                logger.exception("requests still wait after %s: the sweep will see to them", session_id)
                told = False
            else:
                logger.warning("%d waiting requests ended in %s", rejected, code)
        return told

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
                self._reject_waiting(closed.session_id, SpendCapReached.code())
                return
            except NotAccepted:
                logger.warning("something waits and no session could be started: the sweep will", exc_info=True)


def closing_changes(outcome: str | None, error: dict[str, str] | None, terminated_at: str) -> Item:
    if error:
        return {
            "status": SessionStatus.FAILED,
            "outcome": Outcome.FAILED,
            "error": error.get("Error", "Unknown"),
            "cause": error.get("Cause", "")[:CAUSE_LIMIT],
            "terminated_at": terminated_at,
        }
    return {"status": SessionStatus.ENDED, "outcome": outcome or Outcome.ENDED, "terminated_at": terminated_at}


def notification(session: Session) -> dict[str, str]:
    """What SNS says about a session: never prompts, never answers.

    The subject is ASCII, one line, as SNS demands.
    """
    spent = session.receipt or Receipt()
    total = spent.total_usd
    cost = "cost unknown" if total is None else f"US$ {total:.4f}" if not 0 < total < 1e-4 else "under US$ 0.0001"
    failed, at_cap = session.status is SessionStatus.FAILED, session.outcome is Outcome.SPEND_CAP
    how = "ended at its spend cap" if at_cap else "ended"
    subject = f"Forever Us: session failed, {session.error}" if failed else f"Forever Us: session {how}, {cost}"
    lines = [
        f"Session:   {session.session_id}",
        f"Outcome:   {session.outcome}",
        *([f"Error:     {session.error}: {session.cause}"] if failed else []),
        *([f"Notice:    {advice(SpendCapReached.code())}"] if at_cap else []),
        *_bedrock_line(spent),
        f"GPU:       {spent.instance_type or 'none was launched'} {spent.lifecycle or ''}".rstrip(),
        f"Instance:  {spent.instance_id or '-'} (terminated)",
        f"Minutes:   {spent.instance_minutes}",
        f"Messages:  {spent.messages}",
        f"Tokens:    {spent.prompt_tokens} in, {spent.completion_tokens} out",
        f"Cost:      {cost}" + (f" (at US$ {spent.price_per_hour_usd}/h)" if spent.price_per_hour_usd else ""),
    ]
    ascii_subject = subject.encode("ascii", "replace").decode().replace("\n", " ")
    return {"subject": ascii_subject[:SNS_SUBJECT_LIMIT], "message": "\n".join(lines)}


def _bedrock_line(spent: Receipt) -> list[str]:
    """What Bedrock answered because no GPU could be had."""
    if not spent.bedrock_messages:
        return []
    messages = "1 message was" if spent.bedrock_messages == 1 else f"{spent.bedrock_messages} messages were"
    cost = "a price that is not known" if spent.bedrock_usd is None else f"US$ {spent.bedrock_usd:.6f}"
    return [f"Bedrock:   {messages} answered on Bedrock, {cost}"]
