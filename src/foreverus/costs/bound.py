"""How long an instance that nobody wants any more can live, and what it costs: for each of the five ways alone. Pure.

Each case supposes that one way works and the other four do not, and that AWS refuses every call until its last retry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import listed_price

EVENT_S = 60  # EventBridge delivers within seconds; nothing is promised
LAST_LOG_S = 6  # machine/keep_log.sh: five, and one until it is killed
POWER_OFF_S = 120  # systemd kills what is left after its 90 s, then EC2 sees the machine go
TIMER_LATE_S = 1  # AccuracySec of the timer


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, as the template, the state machine and the code have them. `states`: the longest that a state's tries
    and pauses can take (see `state_seconds`)."""

    max_session: int
    boot_timeout: int
    boot_heartbeat: int
    serve_heartbeat: int
    max_relaunches: int
    sweep_every: int
    sweep_grace: int
    reaper_timeout: int
    lost_contact: float
    hand_back: float
    watchdog: int
    states: Mapping[str, float]


@dataclass(frozen=True)
class Step:
    seconds: float
    what: str


@dataclass(frozen=True)
class Case:
    """One way to die, alone, and the orphan that it ends. `since`: what the seconds are counted from."""

    way: int
    name: str
    orphan: str
    since: str
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    @property
    def arithmetic(self) -> str:
        return " + ".join(f"{step.seconds:.0f} {step.what}" for step in self.steps)


@dataclass(frozen=True)
class Bound:
    """`worst`: whatever fails, as long as one of the five ways works."""

    cases: tuple[Case, ...]
    usd_per_hour: float
    region: str
    max_relaunches: int

    @property
    def worst(self) -> Case:
        return max(self.cases, key=lambda case: case.seconds)

    def usd(self, case: Case) -> float:
        return case.seconds / 3600 * self.usd_per_hour

    def sentence(self) -> str:
        """For the README."""
        timer, sweep = self.of("timer"), self.of("the sweep a dead session")
        return (
            f"Whatever fails, as long as one of five ways works, an orphan lives at most {minutes(self.worst)} minutes "
            f"and costs at most US$ {self.usd(self.worst):.2f}. The two ways that need nothing of a session: the "
            f"machine's own timer ({minutes(timer)} minutes after launch, US$ {self.usd(timer):.2f}), and the sweep, "
            f"which ends what a dead session left behind within {minutes(sweep)} minutes (US$ {self.usd(sweep):.2f})."
        )

    def of(self, orphan: str) -> Case:
        return next(case for case in self.cases if orphan in f"{case.name} {case.orphan}")

    def lines(self) -> list[str]:
        """Markdown: a table, and its arithmetic."""
        table = ["| way, alone | what it ends | at most, minutes | US$ |", "|---|---|---|---|"]
        for case in self.cases:
            what = f"{case.orphan}, counted from {case.since}"
            table.append(f"| {case.way}. {case.name} | {what} | {minutes(case)} | {self.usd(case):.2f} |")
        hourly = f"US$ {self.usd_per_hour:.3f} an hour: the dearest type on-demand in {self.region}, disk and address"
        session = f"A session buys at most {self.max_relaunches + 1} instances, one after the other."
        sums = [f"- {case.name}, {case.orphan}: {case.arithmetic} = {case.seconds:.0f} s" for case in self.cases]
        return [self.sentence(), "", *table, "", f"{hourly}. {session} The arithmetic, in seconds:", "", *sums]


def minutes(case: Case) -> int:
    """Rounded up.

    >>> minutes(Case(1, "", "", "", (Step(61, ""),)))
    2
    """
    return int(-(-case.seconds // 60))


def bound(limits: Limits, usd_per_hour: float, region: str = "us-east-1") -> Bound:
    """Every way alone. `usd_per_hour`: see `hourly`."""
    cases = (*_ends_of_the_machine(limits), *_ends_by_the_reaper(limits), *_ends_of_the_instance(limits))
    return Bound(cases, usd_per_hour, region, limits.max_relaunches)


def _ends_of_the_machine(limits: Limits) -> tuple[Case, ...]:
    """Ways 1 and 2."""
    silence = Step(max(limits.boot_heartbeat, limits.serve_heartbeat), "silence (the longer heartbeat)")
    ending, machine = _ending(limits), "the state machine's Catch"
    return (
        Case(1, "Terminate GPU", "a session's instance", "the session's end", ending[-1:]),
        Case(2, machine, "a worker that fell silent", "its last sign of life", (silence, *ending)),
        Case(2, machine, "a worker that never ends", "launch", (*_serving(limits), *ending)),
    )


def _ends_by_the_reaper(limits: Limits) -> tuple[Case, ...]:
    """Ways 3 and 4."""
    last = ("Close session", "Store results", "Notify", "Mark as notified")
    failing = (*_ending(limits), *(Step(limits.states[name], name) for name in last))
    reaper = (Step(EVENT_S, "event"), Step(limits.reaper_timeout, "reaper"))
    sweep = (Step(limits.sweep_every, "until the next sweep"), Step(limits.reaper_timeout, "reaper"))
    grace, life = Step(limits.sweep_grace, "grace"), Step(limits.max_session, "maximum life")
    failed, dead, end = "the reaper on a failed execution", "a dead session's instance", "the execution's end"
    return (
        Case(3, failed, dead, end, reaper),
        Case(3, failed, "what no state could end", "launch", (*_serving(limits), *failing, *reaper)),
        Case(4, "the sweep", dead, end, (grace, *sweep)),
        Case(4, "the sweep", "a running session's instance", "launch", (life, *sweep)),
    )


def _ends_of_the_instance(limits: Limits) -> tuple[Case, ...]:
    """Way 5."""
    power_off, log = Step(POWER_OFF_S, "power off"), Step(LAST_LOG_S, "its log's last lines")
    silent = (
        Step(limits.lost_contact, "silence"),
        Step(limits.hand_back, "handing back, its last metrics and traces"),
        log,
        power_off,
    )
    hanging = (Step(limits.watchdog, "WatchdogSec"), log, power_off)
    timer = (
        *(Step(limits.max_session, "maximum life"), Step(limits.boot_timeout, "boot"), Step(TIMER_LATE_S, "accuracy")),
        power_off,
    )
    return (
        Case(5, "the worker", "no contact with AWS", "the last good call", silent),
        Case(5, "the watchdog", "a worker that hangs", "its last sign of life", hanging),
        Case(5, "the machine's timer", "whatever runs", "launch", timer),
    )


def _serving(limits: Limits) -> tuple[Step, ...]:
    return Step(limits.boot_timeout, "boot"), Step(limits.max_session, "Serve's timeout")


def _ending(limits: Limits) -> tuple[Step, ...]:
    """From the error that the machine catches to the instance's end."""
    names = ("Is work waiting?", "Terminate lost GPU", "Terminate GPU")
    return tuple(Step(limits.states[name], name) for name in names)


def state_seconds(state: Mapping[str, Any]) -> float:
    """The longest that a task state can take: each try to its timeout, each pause without luck.

    >>> state_seconds({"TimeoutSeconds": 60, "Retry": [
    ...     {"IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 3, "MaxDelaySeconds": 5}]})
    251.0
    """
    total = float(state["TimeoutSeconds"])
    for rule in state.get("Retry", ()):
        for attempt in range(rule["MaxAttempts"]):
            pause = rule["IntervalSeconds"] * rule["BackoffRate"] ** attempt
            total += min(pause, rule.get("MaxDelaySeconds", pause)) + state["TimeoutSeconds"]
    return total


def hourly(instance_types: Iterable[str], region: str) -> float:
    """USD of an hour of the dearest of them on-demand in the region, with its disk and address. Spot is never dearer.

    Raises ValueError for a type without a price: nobody could promise a bound for it.
    """
    prices = [listed_price(name, region, "on-demand").usd_per_hour for name in instance_types]
    if not prices or None in prices:
        raise ValueError("an instance type has no price: there is no bound in USD")
    dearest = max(price for price in prices if price is not None)
    return dearest + BESIDE_GPU_USD_PER_HOUR
