"""A session's record as its worker sees it: a mailbox to read, and the few things that a worker may write.

Every write is conditional on the record being this instance's: a worker whose session has moved on changes nothing.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table
from foreverus.choice.idle_time import IdleDecision
from foreverus.costs.meter import Budget
from foreverus.sessions.items import idle_to_item, session_from_item
from foreverus.sessions.records import Phase, Session, SessionStatus, Task, Trigger

BOOT, SERVE = Task.BOOT, Task.SERVE


@dataclass(frozen=True, slots=True)
class MailboxSnapshot:
    """What the mailbox holds. `task` and `task_token` belong together."""

    session_id: str
    instance_id: str = ""
    status: SessionStatus = SessionStatus.REQUESTED
    attempt: int = 0
    task: Task = Task.NONE
    task_token: str = ""
    end_requested: bool = False
    idle_seconds: int | None = None
    launched_at: datetime | None = None
    budget: Budget | None = None
    bake_token: str = ""  # a bake waits for this GPU, as soon as it has answered once
    baked: bool = False  # and is done with it
    spend_notice: int = 0  # the notice that was given already: 0, 80 or 100 percent of a cap
    trigger: Trigger | None = None
    tokens: tuple[int, int] = (0, 0)  # of prompts and answers, that it has worked on until now
    stops: frozenset[str] = frozenset()  # ids of messages and requests that are to be stopped
    trace: str = ""  # the header of the trace that the session was started in

    @classmethod
    def of(cls, session: Session) -> "MailboxSnapshot":
        return cls(
            session_id=session.session_id,
            instance_id=session.instance_id,
            status=session.status,
            attempt=session.attempt,
            task=session.task,
            task_token=session.task_token,
            end_requested=session.end_requested,
            idle_seconds=session.idle_seconds,
            launched_at=ids.parse_timestamp(session.launched_at) if session.launched_at else None,
            budget=session.budget,
            bake_token=session.bake_token,
            baked=bool(session.baked_at),
            spend_notice=session.spend_notice or 0,
            trigger=session.trigger,
            tokens=(session.prompt_tokens, session.completion_tokens),
            stops=session.stops,
            trace=session.trace,
        )

    def token(self, task: Task) -> str:
        """The token of that task; empty while the state machine has not come to it."""
        return self.task_token if self.task == task else ""


@dataclass(frozen=True, slots=True)
class LineCount:
    """Finished lines of batches, and their tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    lines: int = 0

    def plus(self, more: "LineCount") -> "LineCount":
        return LineCount(
            self.prompt_tokens + more.prompt_tokens,
            self.completion_tokens + more.completion_tokens,
            self.lines + more.lines,
        )


class Mailbox(Protocol):
    def read(self, session_id: str) -> MailboxSnapshot | None:
        """The newest snapshot (a consistent read); None when there is no such session."""

    def add_phases(self, snapshot: MailboxSnapshot, phases: Sequence[Phase]) -> bool:
        """Appends boot phases, as of the snapshot's attempt. False when the record is another instance's now."""

    def note_spend(self, snapshot: MailboxSnapshot, percent: int, cap: str) -> bool:
        """Notes that so much of the `session`'s or the `month`'s cap is used up. False when the record is another
        instance's now."""

    def set_status(self, snapshot: MailboxSnapshot, status: SessionStatus, only_from: SessionStatus) -> bool:
        """Changes the status. False when it is not `only_from` or the record is another instance's now."""

    def note_rebalance(self, snapshot: MailboxSnapshot, at: str) -> bool:
        """Notes when AWS recommended to rebalance. False when the record is another instance's now."""

    def note_idle(self, snapshot: MailboxSnapshot, decision: IdleDecision) -> bool:
        """Notes how long it stays on without use. False when the record is another instance's now."""

    def note_busy(self, snapshot: MailboxSnapshot, seconds: float) -> bool:
        """Notes for how long this instance had something in hand, once, at its end. False when the record is another
        instance's now."""

    def forget_stops(self, snapshot: MailboxSnapshot) -> bool:
        """Takes those of the snapshot out of the record: they were read. False when the record is another instance's
        now."""

    def count_lines(self, snapshot: MailboxSnapshot, count: LineCount, number: int) -> bool:
        """Adds batch lines to the session's usage. `number`: of this instance's counts, so that one that is sent again
        is counted once. False when it was counted before, or the record is another instance's now."""


class DynamoMailbox:
    def __init__(self, items: Table):
        self.items = items

    def read(self, session_id: str) -> MailboxSnapshot | None:
        item = self.items.get(keys.session_key(session_id))
        return MailboxSnapshot.of(session_from_item(item)) if item else None

    def add_phases(self, snapshot: MailboxSnapshot, phases: Sequence[Phase]) -> bool:
        new = [{"name": p.name, "at": p.at, "attempt": snapshot.attempt} for p in phases]
        return self._update(
            snapshot,
            "SET phases = list_append(if_not_exists(phases, :none), :new) ADD version :one",
            {":new": new, ":none": []},
        )

    def note_spend(self, snapshot: MailboxSnapshot, percent: int, cap: str) -> bool:
        values = {":percent": percent, ":cap": cap}
        return self._update(snapshot, "SET spend_notice = :percent, spend_notice_cap = :cap ADD version :one", values)

    def set_status(self, snapshot: MailboxSnapshot, status: SessionStatus, only_from: SessionStatus) -> bool:
        return self._update(
            snapshot,
            "SET #status = :status ADD version :one",
            {":status": status, ":from": only_from},
            " AND #status = :from",
            {"#status": "status"},
        )

    def note_rebalance(self, snapshot: MailboxSnapshot, at: str) -> bool:
        return self._update(snapshot, "SET rebalance_recommended_at = :at ADD version :one", {":at": at})

    def note_idle(self, snapshot: MailboxSnapshot, decision: IdleDecision) -> bool:
        return self._update(snapshot, "SET idle = :idle ADD version :one", {":idle": idle_to_item(decision)})

    def note_busy(self, snapshot: MailboxSnapshot, seconds: float) -> bool:
        new = [{"attempt": snapshot.attempt, "seconds": round(seconds, 3)}]
        return self._update(
            snapshot,
            "SET busy = list_append(if_not_exists(busy, :none), :new) ADD version :one",
            {":new": new, ":none": []},
        )

    def forget_stops(self, snapshot: MailboxSnapshot) -> bool:
        return self._update(snapshot, "ADD version :one DELETE stops :read", {":read": set(snapshot.stops)})

    def count_lines(self, snapshot: MailboxSnapshot, count: LineCount, number: int) -> bool:
        return self._update(
            snapshot,
            "SET lines_counted = :mark ADD prompt_tokens :p, completion_tokens :c, lines_answered :l, version :one",
            {
                ":p": count.prompt_tokens,
                ":c": count.completion_tokens,
                ":l": count.lines,
                ":mark": f"{snapshot.instance_id}#{number}",
            },
            " AND (attribute_not_exists(lines_counted) OR lines_counted <> :mark)",
        )

    def _update(
        self, snapshot: MailboxSnapshot, expression: str, values: Item, condition: str = "", names: Item | None = None
    ) -> bool:
        try:
            self.items.update(
                keys.session_key(snapshot.session_id),
                expression,
                {**values, ":one": 1, ":me": snapshot.instance_id},
                condition="instance_id = :me" + condition,
                names=names,
            )
        except ConditionFailed:
            return False
        return True


class MemoryMailbox:
    """Twin of `DynamoMailbox`. `change` is what the state machine and the API do to the record."""

    def __init__(self, snapshot: MailboxSnapshot):
        self.snapshot = snapshot
        self.phases: list[tuple[str, int]] = []
        self.statuses: list[str] = []
        self.notices: list[tuple[int, str]] = []  # (percent, cap)
        self.rebalances: list[str] = []
        self.busy: list[tuple[int, float]] = []  # (attempt, seconds)
        self.idle: list[IdleDecision] = []
        self.counted = LineCount()
        self.counts: set[tuple[str, int]] = set()
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next call raises `error` and changes nothing."""
        self._failures.append(error)

    def change(self, **values: Any) -> None:
        self.snapshot = replace(self.snapshot, **values)

    def read(self, session_id: str) -> MailboxSnapshot | None:
        self._raise()
        return self.snapshot if self.snapshot.session_id == session_id else None

    def add_phases(self, snapshot: MailboxSnapshot, phases: Sequence[Phase]) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id:
            return False
        self.phases += [(phase.name, snapshot.attempt) for phase in phases]
        return True

    def note_spend(self, snapshot: MailboxSnapshot, percent: int, cap: str) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id:
            return False
        self.change(spend_notice=percent)
        self.notices.append((percent, cap))
        return True

    def set_status(self, snapshot: MailboxSnapshot, status: SessionStatus, only_from: SessionStatus) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id or self.snapshot.status != only_from:
            return False
        self.change(status=status)
        self.statuses.append(status)
        return True

    def note_rebalance(self, snapshot: MailboxSnapshot, at: str) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id:
            return False
        self.rebalances.append(at)
        return True

    def note_idle(self, snapshot: MailboxSnapshot, decision: IdleDecision) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id:
            return False
        self.idle.append(decision)
        return True

    def note_busy(self, snapshot: MailboxSnapshot, seconds: float) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id:
            return False
        self.busy.append((snapshot.attempt, seconds))
        return True

    def forget_stops(self, snapshot: MailboxSnapshot) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id:
            return False
        self.change(stops=self.snapshot.stops - snapshot.stops)
        return True

    def count_lines(self, snapshot: MailboxSnapshot, count: LineCount, number: int) -> bool:
        self._raise()
        if self.snapshot.instance_id != snapshot.instance_id or (snapshot.instance_id, number) in self.counts:
            return False
        self.counts.add((snapshot.instance_id, number))
        self.counted = self.counted.plus(count)
        return True

    def _raise(self) -> None:
        if self._failures:
            raise self._failures.popleft()
