"""What somebody has used on a day: by service, and by the kind of work. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from foreverus.costs.money import NOTHING

KEPT = timedelta(days=400)  # thirteen months, so that a month can be compared with that of a year ago
ERASED = "erased"  # whose numbers those of people who have left become: the months' sums stay


class UsageKind(StrEnum):
    """What was asked: in a conversation, in a batch, or by an OpenAI client at once."""

    CHAT = "chat"
    BATCH = "batch"
    API = "api"


class UsedService(StrEnum):
    """Who did the work: a backend, by its name there, or the service behind an ability."""

    GPU = "gpu"
    BEDROCK = "bedrock"
    SAGEMAKER = "sagemaker"
    POLLY = "polly"
    TRANSCRIBE = "transcribe"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one kind of work took of one service. `messages`: answers that came to their end, in an error too; of a
    batch its lines; of Polly, Transcribe and our own container texts and recordings, which have no tokens. `usd`: of
    Bedrock, Polly and Transcribe, at a guard's price where nobody knows it; what a GPU cost is in its session's
    receipt, and nobody's; what SageMaker's instance and a run of our own container cost is in the month's ledger."""

    service: UsedService
    kind: UsageKind
    messages: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: Decimal = NOTHING

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Used") -> "Used":
        return replace(
            self,
            messages=self.messages + other.messages,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            usd=self.usd + other.usd,
        )


Parts = Mapping[tuple[UsedService, UsageKind], Used]


@dataclass(frozen=True, slots=True)
class DayUsage:
    """One person's day (`2026-11-29`, UTC)."""

    day: str
    user_id: str
    parts: Parts = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Of all services and kinds: what the limit of a day is of."""
        return sum(one.tokens for one in self.parts.values())

    def __iter__(self) -> Iterator[Used]:
        return iter(self.parts.values())


def added(parts: Parts, more: Iterable[Used]) -> dict[tuple[UsedService, UsageKind], Used]:
    """
    >>> one = Used(service=UsedService.GPU, kind=UsageKind.CHAT, messages=1, completion_tokens=5)
    >>> added({}, [one, one])[UsedService.GPU, UsageKind.CHAT].completion_tokens
    10
    """
    total = dict(parts)
    for one in more:
        known = total.get((one.service, one.kind))
        total[one.service, one.kind] = known + one if known else one
    return total


def day_of(now: datetime) -> str:
    """`2026-11-29`, in UTC.

    >>> day_of(datetime.fromisoformat("2026-11-29T23:30:00-03:00"))
    '2026-11-30'
    """
    return now.astimezone(UTC).date().isoformat()
