"""What is set aside of a month before it is spent, and what the month has left. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from foreverus.costs.meter import HOW_TO_RAISE
from foreverus.costs.money import NOTHING
from foreverus.errors import SpendCapReached

API_CALL = "api/"  # begins the name of a reservation for a call of OpenAI's API
DOCUMENT_CALL = "document/"  # that of one for embedding a document
TITLE_CALL = "/title"  # ends that of one for a conversation's title


class Owner(StrEnum):
    """What a reservation is for."""

    SESSION = "session"
    BATCH = "batch"
    CHAT = "chat"
    SAGEMAKER = "sagemaker"
    POLLY = "polly"
    TRANSCRIBE = "transcribe"
    DOCUMENT = "document"
    CONTAINER = "container"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Owner":
        """A word that this version does not know: such a reservation is left alone until its time is over."""
        return cls.OTHER


WORDS = {
    Owner.SESSION: ("a GPU session", "GPU sessions"),
    Owner.BATCH: ("a batch on Bedrock", "batches on Bedrock"),
    Owner.CHAT: ("an answer on Bedrock", "answers on Bedrock"),
    Owner.SAGEMAKER: ("an answer on SageMaker", "answers on SageMaker"),
    Owner.POLLY: ("a text read aloud", "texts read aloud"),
    Owner.TRANSCRIBE: ("a recording's transcript", "recordings' transcripts"),
    Owner.DOCUMENT: ("a document that is read", "documents that are read"),
    Owner.CONTAINER: ("a run of our own container", "runs of our own container"),
    Owner.OTHER: ("other work", "other work"),
}


@dataclass(frozen=True, slots=True)
class Reservation:
    """`month`: `2026-11`, that in which it was made. `usd`: what its owner can spend at most, with what it has spent
    and nobody has counted yet. `until`: when that is over at the latest."""

    month: str
    name: str
    owner: Owner
    usd: Decimal
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month as it is at one moment. `spent`: its ledger's. `committed`: that and everything that is reserved.
    `live`: what is on has cost, which the ledger has not counted yet; part of what is reserved."""

    month: str
    cap: Decimal
    spent: Decimal
    committed: Decimal
    reservations: Sequence[Reservation] = ()
    live: Decimal = NOTHING

    @property
    def left(self) -> Decimal:
        """What may still be reserved."""
        return max(NOTHING, self.cap - max(self.committed, self.spent))

    @property
    def spent_percent(self) -> float:
        """Of the cap, what is counted, and what is on."""
        return 100 * float(self.spent + self.live) / float(self.cap) if self.cap else 0.0

    @property
    def reserved(self) -> Decimal:
        return sum((one.usd for one in self.reservations), NOTHING)

    def held(self) -> str:
        """What holds the rest, for people: kinds, sums and times, and nobody's ids. Empty: nothing does."""
        parts = []
        for owner in Owner:
            ours = [one for one in self.reservations if one.owner is owner]
            if ours:
                word = WORDS[owner][len(ours) > 1]
                count = f"{len(ours)} " if len(ours) > 1 else ""
                until = max(one.until for one in ours)[:16].replace("T", " ")
                parts.append(
                    f"{count}{word} US$ {_usd(sum(one.usd for one in ours))} (until {until} UTC at the latest)"
                )
        return ", ".join(parts)


def refusal(at: Month, needed: Decimal) -> SpendCapReached:
    """What people read when something would pass the month's cap."""
    held = at.held()
    reserved = f" Reserved for what runs now, and free again as soon as it ends for less: {held}." if held else ""
    return SpendCapReached(
        f"The sessions and calls of {at.month} have cost US$ {_usd(at.spent)} and the monthly cap is "
        f"US$ {_usd(at.cap)}: nothing was started.{reserved} US$ {_usd(at.left)} are left, and this needs "
        f"US$ {_usd(needed)}. "
        f"{HOW_TO_RAISE['month']} The count starts again on the first of the month (UTC)."
    )


def _usd(usd: Decimal | int) -> str:
    """Cents, and more where cents would hide it.

    >>> _usd(Decimal("4")), _usd(Decimal("0.0001")), _usd(Decimal("0.000000001"))
    ('4.00', '0.0001', '0.000000001')
    """
    if usd == 0 or usd >= Decimal("0.01"):
        return f"{usd:.2f}"
    return f"{Decimal(usd).normalize():f}"
