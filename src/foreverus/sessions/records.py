"""What a session is: one life of a GPU, from request to termination. Pure; `items.py` reads it from the table."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import median

from foreverus import ids
from foreverus.choice.crowd import CrowdDecision
from foreverus.choice.idle_time import IdleDecision
from foreverus.choice.pools import PoolOrder
from foreverus.costs.launch import BedrockUse, Launch, Lifecycle
from foreverus.costs.meter import Budget, Caps
from foreverus.costs.receipt import Receipt
from foreverus.sessions.refused import RefusedPool


class SessionStatus(StrEnum):
    REQUESTED = "requested"
    LAUNCHING = "launching"
    BOOTING = "booting"
    SERVING = "serving"
    DRAINING = "draining"
    ENDED = "ended"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> "SessionStatus":
        """A word that this version does not know is taken for a live session: nobody buys a second GPU beside it."""
        return cls.LAUNCHING


class Trigger(StrEnum):
    """Who asked for the session."""

    PAGE = "page"
    MESSAGE = "message"
    SCHEDULE = "schedule"
    BATCH = "batch"
    CHATS = "chats"  # Bedrock's bill for them was worth a GPU
    CROWD = "crowd"  # people waited for a free slot of the others
    BAKE = "bake"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Trigger":
        return cls.UNKNOWN


class Outcome(StrEnum):
    """How a session that is over has ended. FAILED: in an error."""

    ENDED = "ended"
    IDLE = "idle"
    MAX_LIFE = "max_life"
    SPEND_CAP = "spend_cap"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> "Outcome":
        return cls.ENDED


class Task(StrEnum):
    """What the state machine waits for its worker to do. NONE: nothing."""

    NONE = ""
    BOOT = "boot"
    SERVE = "serve"

    @classmethod
    def _missing_(cls, value: object) -> "Task":
        return cls.NONE


class SpendCap(StrEnum):
    """Which cap a notice is about."""

    SESSION = "session"
    MONTH = "month"

    @classmethod
    def _missing_(cls, value: object) -> "SpendCap":
        return cls.SESSION


@dataclass(frozen=True, slots=True)
class Phase:
    """A step of the boot that people watch: `booting`, `loading`, `healthy`."""

    name: str
    at: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class BusyTime:
    """For how long one of its instances had something to do, as its worker noted at its end."""

    attempt: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session's record: the fields of docs/architecture.md. Times are ISO 8601, which sorts as text; an empty one has
    not come yet."""

    session_id: str
    created_at: str = ""
    status: SessionStatus = SessionStatus.REQUESTED
    version: int = 0
    trigger: Trigger | None = None
    owner: str = ""
    allow_on_demand: bool = False
    idle_seconds: int | None = None
    slot: int = 0
    batch_id: str = ""  # of the batch that bought it
    trace: str = ""  # the header of the trace that it was started in
    bake_token: str = ""  # of the bake that waits for this GPU
    baked_at: str = ""  # when the bake was done with it

    attempt: int = 0
    instance_id: str = ""
    instance_type: str = ""
    availability_zone: str = ""
    lifecycle: Lifecycle | None = None
    launched_at: str = ""
    healthy_at: str = ""
    launches: tuple[Launch, ...] = ()  # every instance that was bought
    phases: tuple[Phase, ...] = ()
    refused: tuple[RefusedPool, ...] = ()  # what EC2 did not sell it
    busy: tuple[BusyTime, ...] = ()
    rebalance_recommended_at: str = ""
    crowd: CrowdDecision | None = None  # why it was bought beside another one
    pools: PoolOrder | None = None  # in which order its zones and types were asked for; None: nothing is known of them
    idle: IdleDecision | None = None  # how long it stays on without use, as its worker decided last; None: not yet

    task: Task = Task.NONE
    task_token: str = ""
    end_requested: bool = False
    end_requested_at: str = ""
    end_requested_by: str = ""  # the person; empty: nobody of the team, or before this was kept
    end_everything: bool = False  # an admin wants everybody's work ended with it
    stops: frozenset[str] = frozenset()  # ids of work that its worker is to stop, and has not read yet

    prompt_tokens: int = 0
    completion_tokens: int = 0
    messages_answered: int = 0
    lines_answered: int = 0
    bedrock: BedrockUse = field(default_factory=BedrockUse)

    session_cap_usd: float | None = None  # what it may spend: SessionCapUsd, or what the month had left
    capped_by: SpendCap | None = None  # MONTH: the latter
    monthly_cap_usd: float | None = None
    price_per_hour_usd: float | None = None  # of the newest instance
    price_source: str | None = None
    month_usd: float | None = None  # what the month had cost before it
    spend_notice: int | None = None  # percent of a cap: 80 or 100
    spend_notice_cap: SpendCap | None = None
    spend_told: int = 0  # the notice that people were sent

    terminated_at: str = ""
    ended_at: str = ""
    outcome: Outcome | None = None
    error: str = ""
    cause: str = ""
    receipt: Receipt | None = None
    stored_at: str = ""
    store_tries: int = 0

    @property
    def is_over(self) -> bool:
        return self.status in (SessionStatus.ENDED, SessionStatus.FAILED)

    @property
    def is_usable(self) -> bool:
        """Live, and not on its way to its end."""
        return not self.is_over and not self.end_requested and self.status is not SessionStatus.DRAINING

    @property
    def spares_all_but(self) -> str:
        """Whose batches end with it, when people have switched it off. Empty: everybody's."""
        return "" if self.end_everything else self.end_requested_by

    @property
    def healthy_times(self) -> dict[int, str]:
        """When each of its instances began to answer, by attempt; of one that never did there is none."""
        seen = {one.attempt: one.at for one in self.phases if one.name == "healthy"}
        return {self.attempt: self.healthy_at} | seen if self.healthy_at else seen

    @property
    def busy_seconds(self) -> dict[int, float]:
        """By attempt; of an instance that was lost nobody knows."""
        return {one.attempt: one.seconds for one in self.busy}

    @property
    def budget(self) -> Budget | None:
        """None while the record has no caps or nothing is bought."""
        if not self.launches or not self.session_cap_usd or not self.monthly_cap_usd:
            return None
        caps = Caps(self.monthly_cap_usd, self.session_cap_usd)
        return Budget(self.launches, caps, self.month_usd or 0.0, self.capped_by or SpendCap.SESSION)


@dataclass(frozen=True, slots=True)
class Gpus:
    """Who holds a GPU slot, and in which order the next one would be asked for; None: nobody knows."""

    session_ids: tuple[str, ...]
    pools: PoolOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    """How a session ended. `bedrock_counted_usd`: the part of its cost that Bedrock took."""

    status: SessionStatus
    outcome: Outcome
    terminated_at: str
    ended_at: str
    error: str = ""
    cause: str = ""
    receipt: Receipt | None = None
    refused: tuple[RefusedPool, ...] = ()
    bedrock_counted_usd: float = 0.0


def expected_boot_seconds(earlier: Iterable[Session]) -> float | None:
    """Median seconds from request to healthy over earlier sessions; None without any.

    >>> booted = Session(session_id="ses_1", created_at="2026-01-01T00:00:00Z", healthy_at="2026-01-01T00:02:30Z")
    >>> expected_boot_seconds([booted])
    150.0
    """
    took = [
        (ids.parse_timestamp(one.healthy_at) - ids.parse_timestamp(one.created_at)).total_seconds()
        for one in earlier
        if one.healthy_at
    ]
    return round(median(took), 1) if took else None


def ended(session: Session, end: SessionEnd) -> Session:
    """The session with its end."""
    return replace(
        session,
        status=end.status,
        outcome=end.outcome,
        error=end.error,
        cause=end.cause,
        terminated_at=end.terminated_at,
        ended_at=end.ended_at,
        receipt=end.receipt,
        refused=end.refused or session.refused,
        bedrock=replace(session.bedrock, counted_usd=end.bedrock_counted_usd),
        task_token="",
    )
