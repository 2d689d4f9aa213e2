"""What was bought: one GPU instance of a session, as the meter and the receipt count it."""

from dataclasses import dataclass
from enum import StrEnum

from foreverus.costs.prices import Price


class Lifecycle(StrEnum):
    SPOT = "spot"
    ON_DEMAND = "on-demand"

    @classmethod
    def _missing_(cls, value: object) -> "Lifecycle":
        """A word that this version does not know: the dearer one, because guards may err on that side only."""
        return cls.ON_DEMAND


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """`availability_zone` empty: not known. `price_source` None: nobody has looked the price up yet."""

    instance_id: str
    instance_type: str
    lifecycle: Lifecycle
    launched_at: str
    attempt: int = 0
    availability_zone: str = ""
    price_per_hour_usd: float | None = None
    price_source: str | None = None

    @property
    def noted_price(self) -> Price | None:
        """The price that was looked up when the instance was bought; None: not yet."""
        return None if self.price_source is None else Price(self.price_per_hour_usd, self.price_source)


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockUse:
    """What Bedrock answered in a session. `usd`: at a guard's price where `price_unknown`. `counted_usd`: what the
    session's closing has counted into the ledger."""

    messages: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    price_unknown: bool = False
    counted_usd: float = 0.0

    @property
    def billed_usd(self) -> float | None:
        """None when it answered and its price is not known: receipts do not guess; a guard takes `usd`.

        >>> BedrockUse().billed_usd, BedrockUse(usd=0.25).billed_usd, BedrockUse(usd=0.5, price_unknown=True).billed_usd
        (0.0, 0.25, None)
        """
        return None if self.price_unknown else self.usd
