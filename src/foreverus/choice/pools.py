"""In which order spot GPUs are asked for by type and zone: by what one is expected to cost there. Pure.

EC2's own strategy knows prices and how many are free just now; what it does not tell is how often it took GPUs back
from us. So its own order stands until the interruptions that were seen turn two pools around by more than a little.
Few of them never do: the published rate is believed as much as a day of GPUs that were seen. And even then EC2 takes
our order as a wish, behind its own knowledge of what is free (`capacity-optimized-prioritized`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import exp

from foreverus.choice.assumed import EXPECTED_TOKENS, PUBLISHED_ALONE_TOKENS_PER_SECOND
from foreverus.choice.crowd import HOUR_S, WAIT_USD_PER_HOUR

# AWS's Spot Instance Advisor (June 2025, us-east-1): of g5.xlarge and g6.xlarge more than 20 % were taken back within a
# month, which is its highest class.
PUBLISHED_PER_HOUR = 0.20 / 730
PUBLISHED_HOURS = 24.0  # seen hours that it weighs as much as
ASSUMED_USE_S = 1800.0  # of a GPU after its boot, until its first sessions are over
# What is written again after an interruption: the notice is two minutes, so at most what could not end in it.
ANSWERED_TWICE_S = EXPECTED_TOKENS / PUBLISHED_ALONE_TOKENS_PER_SECOND
MARGIN = 0.05  # of the expected cost, by which a pool must be dearer than one that asks no less, before EC2 is told


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSeen:
    """`hours` and `interruptions`: of our spot GPUs there, older ones weigh less."""

    instance_type: str
    zone: str
    usd_per_hour: float
    hours: float = 0.0
    interruptions: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCost(PoolSeen):
    """`chance`: that a GPU there is interrupted before its use is over, 0 to 1. `usd`: what it costs, expected."""

    chance: float
    usd: float

    @property
    def name(self) -> str:
        return pool_name(self.instance_type, self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """Seconds until a GPU answers, and for how long it is used then: learned, or assumed."""

    boot_seconds: float
    use_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOrder:
    """`names`: of all pools, the cheapest first. `learned`: they are asked for in this order; else EC2's own stands.
    `first` and `last`: of them. `hours`, `interruptions`: of all pools. `seconds`: of boot and use, that were reckoned
    with. `at`: when."""

    at: str
    learned: bool
    names: tuple[str, ...]
    first: PoolCost
    last: PoolCost
    hours: float
    interruptions: float
    seconds: int

    def for_launch(self) -> "PoolOrder":
        """As a session's record has it, whose state machine asks in the order of `names` where there are any."""
        return self if self.learned else replace(self, names=())

    def numbers(self) -> Mapping[str, object]:
        """Ready for JSON."""
        return {
            "hours": round(self.hours, 1),
            "interruptions": round(self.interruptions, 1),
            "seconds": self.seconds,
            "first": _public(self.first),
            "last": _public(self.last),
        }

    def text(self) -> str:
        """One sentence for people."""
        if not self.learned:
            return (
                f"EC2's own order, by price and by how many are free: {self.interruptions:.1f} interruptions in "
                f"{self.hours:.1f} hours of spot GPUs say nothing better."
            )
        return (
            f"Asked for where it should cost least, interruptions reckoned in: {_words(self.first)} first, "
            f"{_words(self.last)} last."
        )


def pool_name(instance_type: str, zone: str) -> str:
    return f"{instance_type}#{zone}"


def interruptions_per_hour(seen: PoolSeen) -> float:
    """The rate there, drawn towards the published one while few hours are seen.

    >>> quiet = PoolSeen(instance_type="g6.xlarge", zone="a", usd_per_hour=0.4, hours=100.0)
    >>> interruptions_per_hour(quiet) < PUBLISHED_PER_HOUR
    True
    """
    believed = PUBLISHED_PER_HOUR * PUBLISHED_HOURS
    return (seen.interruptions + believed) / (seen.hours + PUBLISHED_HOURS)


def expected_cost(seen: PoolSeen, figures: PoolFigures) -> PoolCost:
    """Price × (boot + use) + chance of an interruption × (another boot, for which somebody waits, and what is answered
    twice).

    >>> seen = PoolSeen(instance_type="g6.xlarge", zone="a", usd_per_hour=0.36, hours=8.0, interruptions=8.0)
    >>> cost = expected_cost(seen, PoolFigures(boot_seconds=480, use_seconds=3120))
    >>> round(cost.chance, 3), round(cost.usd, 3)
    (0.221, 0.4)
    """
    hours = (figures.boot_seconds + figures.use_seconds) / HOUR_S
    chance = 1.0 - exp(-interruptions_per_hour(seen) * hours)
    again = figures.boot_seconds / HOUR_S * (seen.usd_per_hour + WAIT_USD_PER_HOUR)
    twice = ANSWERED_TWICE_S / HOUR_S * seen.usd_per_hour
    return PoolCost(**asdict(seen), chance=chance, usd=seen.usd_per_hour * hours + chance * (again + twice))


def pool_order(seen: Iterable[PoolSeen], figures: PoolFigures, at: str) -> PoolOrder | None:
    """None where there are no pools. Of equals the first one stays first.

    >>> figures = PoolFigures(boot_seconds=480, use_seconds=3120)
    >>> a = PoolSeen(instance_type="g6.xlarge", zone="us-east-1a", usd_per_hour=0.36, hours=3, interruptions=4)
    >>> b = PoolSeen(instance_type="g6.xlarge", zone="us-east-1b", usd_per_hour=0.36, hours=12)
    >>> order = pool_order([a, b], figures, "2026-11-29T12:00:00.000Z")
    >>> order.learned, order.names
    (True, ('g6.xlarge#us-east-1b', 'g6.xlarge#us-east-1a'))
    >>> print(order.text().partition(": ")[2])
    g6.xlarge in us-east-1b (US$ 0.36; 0.0 interruptions in 12.0 hours) first, \
g6.xlarge in us-east-1a (US$ 0.39; 4.0 interruptions in 3.0 hours) last.
    """
    costs = sorted((expected_cost(one, figures) for one in seen), key=lambda one: one.usd)
    if not costs:
        return None
    return PoolOrder(
        at=at,
        learned=_turned(costs),
        names=tuple(one.name for one in costs),
        first=costs[0],
        last=costs[-1],
        hours=sum(one.hours for one in costs),
        interruptions=sum(one.interruptions for one in costs),
        seconds=round(figures.boot_seconds + figures.use_seconds),
    )


def _turned(costs: Sequence[PoolCost]) -> bool:
    """Whether one that asks no more an hour than another is expected to cost more in the end, by more than `MARGIN`.
    `costs`: in their order."""
    return any(
        later.usd_per_hour <= earlier.usd_per_hour and later.usd > earlier.usd * (1.0 + MARGIN)
        for place, later in enumerate(costs)
        for earlier in costs[:place]
    )


def _words(one: PoolCost) -> str:
    return (
        f"{one.instance_type} in {one.zone} (US$ {one.usd:.2f}; {one.interruptions:.1f} interruptions in "
        f"{one.hours:.1f} hours)"
    )


def _public(one: PoolCost) -> Mapping[str, object]:
    return {
        "instance_type": one.instance_type,
        "availability_zone": one.zone,
        "usd_per_hour": round(one.usd_per_hour, 4),
        "hours": round(one.hours, 1),
        "interruptions": round(one.interruptions, 1),
        "chance": round(one.chance, 4),
        "usd": round(one.usd, 4),
    }
