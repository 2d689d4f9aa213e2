"""A round on Bedrock is answered once, though its function may be called twice for it.

Step Functions calls again where it has no answer, and cannot know whether the first call works on. Both would take what
is reserved for the round. So whoever begins says so first, and when it will be over at the latest; a second call finds
that, waits, and answers as the first one has.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.records import BatchRef

KEPT_S = 7 * 86_400  # as a batch's lines


@dataclass(frozen=True, slots=True)
class RoundAnswer:
    """`left`: lines without a result. `error`: why it did not go on."""

    left: int
    error: ExecutionError | None = None

    def as_json(self) -> dict[str, object]:
        """As the state machine reads it: `{"left"}` or `{"left", "error": {"Error", "Cause"}}`."""
        error = {} if self.error is None else {"error": {"Error": self.error.name, "Cause": self.error.cause}}
        return {"left": self.left, **error}


@dataclass(frozen=True, slots=True)
class BegunRound:
    """`by`: the call that has begun it, by a word of its own. `until`: it is over by then, whatever became of it.
    `answer`: None while it runs, and for ever of one that was cut off."""

    by: str
    until: str
    answer: RoundAnswer | None = None


class Rounds(Protocol):
    def begin(self, ref: BatchRef, round_: int, begun: BegunRound, now: datetime) -> bool: ...
    def get(self, ref: BatchRef, round_: int) -> BegunRound | None: ...
    def end(self, ref: BatchRef, round_: int, answer: RoundAnswer) -> None: ...


class RoundStore:
    """Beside the batch's shards, which the function may write anyway."""

    def __init__(self, items: Table):
        self.items = items

    def begin(self, ref: BatchRef, round_: int, begun: BegunRound, now: datetime) -> bool:
        """False where another call has begun it. A write whose answer was lost is made again by the SDK, and meets its
        own. Raises ClientError; whether it was begun is open then, so nothing may be spent."""
        given = {":by": begun.by, ":until": begun.until, ":expires": int(now.timestamp()) + KEPT_S}
        try:
            self.items.update(
                keys.bedrock_round_key(ref.batch_id, round_),
                "SET #by = :by, #until = :until, expires_at = :expires",
                given,
                condition="attribute_not_exists(pk) OR #by = :by",
                names={"#by": "by", "#until": "until"},
            )
        except ConditionFailed:
            return False
        return True

    def get(self, ref: BatchRef, round_: int) -> BegunRound | None:
        item = self.items.get(keys.bedrock_round_key(ref.batch_id, round_))
        if item is None:
            return None
        if "left" not in item:
            return BegunRound(item["by"], item["until"])
        error = ExecutionError(item["error"], item["cause"]) if "error" in item else None
        return BegunRound(item["by"], item["until"], RoundAnswer(int(item["left"]), error))

    def end(self, ref: BatchRef, round_: int, answer: RoundAnswer) -> None:
        error = {} if answer.error is None else {"error": answer.error.name, "cause": answer.error.cause}
        values = {"left": answer.left, **error}
        self.items.update(
            keys.bedrock_round_key(ref.batch_id, round_),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            {f":{name}": value for name, value in values.items()},
            names={f"#{name}": name for name in values},
        )


class MemoryRounds:
    """Twin of `RoundStore`."""

    def __init__(self) -> None:
        self.begun: dict[tuple[BatchRef, int], BegunRound] = {}

    def begin(self, ref: BatchRef, round_: int, begun: BegunRound, now: datetime) -> bool:
        return self.begun.setdefault((ref, round_), begun).by == begun.by

    def get(self, ref: BatchRef, round_: int) -> BegunRound | None:
        return self.begun.get((ref, round_))

    def end(self, ref: BatchRef, round_: int, answer: RoundAnswer) -> None:
        self.begun[ref, round_] = replace(self.begun[ref, round_], answer=answer)
