"""How long an idle GPU stays on: a pure choice that comes with its arithmetic.

To stay costs a second for each second until somebody asks again; to end costs a boot when they do. From the pauses of
such times the wait is chosen that would have cost the least in them, a few pauses of a prior beside them: with no data
at all it is the prior's best. Where Bedrock answers meanwhile, ending costs no more than what a GPU would save against
Bedrock in an hour: mostly nothing, because few requests are cheaper on Bedrock than a GPU that is on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log

from foreverus.choice.pauses import MINUTE_S, Pause
from foreverus.choice.records import Number

LEAST_IDLE_S = 60  # people read an answer before they write again
MOST_IDLE_S = 900  # whatever the pauses say
UNUSED_IDLE_S = 300  # of one that has answered nothing yet: who ordered it may have gone for a coffee while it booted
EXPECTED_AUTO_S = 150  # where nothing is known yet: the prior's best for a boot of eight minutes
STEP_S = 30
# What is believed of pauses before any was seen: that their lengths are spread evenly over orders of magnitude, from a
# minute to an hour. It weighs as much as so many pauses that were seen. Chosen on the training part of the traces
# (bench/policy).
PRIOR_PAUSES = 3.0
PRIOR_LONGEST_S = 3600.0
FEW = 5  # pauses; with fewer it is the prior that decides
# A pause is known to a minute either way: it counts as a third each of shorter, as long, and longer.
BLUR_S = (-40, 0, 40)


class IdleReason(StrEnum):
    """Why it stays on for so long. The page and the command line have a sentence for each."""

    UNUSED = "unused"  # it has answered nothing yet
    FIXED = "fixed"  # the session, or the deployment, says a number
    PAUSES = "pauses"
    FEW_KNOWN = "few_known"
    BEDROCK_CHEAPER = "bedrock_cheaper"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleFigures:
    """`boot_seconds`: learned. `bedrock_usd_per_hour`: what the requests of an hour like the last one would cost on
    Bedrock; None where Bedrock does not answer while no GPU is on."""

    boot_seconds: float
    gpu_usd_per_hour: float
    bedrock_usd_per_hour: float | None = None

    @property
    def restart_seconds(self) -> float:
        """What it costs that the GPU is off when somebody asks, as seconds of a GPU that is on.

        >>> IdleFigures(boot_seconds=480, gpu_usd_per_hour=0.4).restart_seconds
        480
        >>> IdleFigures(boot_seconds=480, gpu_usd_per_hour=0.4, bedrock_usd_per_hour=0.05).restart_seconds
        0.0
        """
        if self.bedrock_usd_per_hour is None:
            return self.boot_seconds
        saved_by_gpu = max(0.0, self.bedrock_usd_per_hour - self.gpu_usd_per_hour)
        return min(self.boot_seconds, 3600 * saved_by_gpu / self.gpu_usd_per_hour)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleDecision:
    """`seconds`: so long it stays on after the last answer. `shorter` of `pauses` that are known of such times were
    shorter than that. `restart_seconds`: what a start costs, as seconds of a GPU that is on."""

    seconds: int
    reason: IdleReason
    shorter: int = 0
    pauses: int = 0
    restart_seconds: int = 0
    boot_seconds: int = 0
    gpu_usd_per_hour: float = 0.0
    bedrock_usd_per_hour: float | None = None

    def numbers(self) -> dict[str, Number]:
        """Ready for JSON, without what is not known."""
        found: dict[str, Number] = {
            "shorter": self.shorter,
            "pauses": self.pauses,
            "restart_seconds": self.restart_seconds,
            "boot_seconds": self.boot_seconds,
            "gpu_usd_per_hour": round(self.gpu_usd_per_hour, 4),
        }
        if self.bedrock_usd_per_hour is not None:
            found["bedrock_usd_per_hour"] = round(self.bedrock_usd_per_hour, 6)
        return found

    def text(self) -> str:
        """One sentence for people.

        >>> figures = IdleFigures(boot_seconds=420, gpu_usd_per_hour=0.4)
        >>> idle_time([Pause(at, 120) for at in range(8)] + [Pause(9, 3600)], figures).text()
        'Stays on 180 s: 8 of the last 9 pauses at such times were shorter; a start costs as much as 420 s.'
        """
        stays, start = f"Stays on {self.seconds} s", f"a start costs as much as {self.restart_seconds} s"
        return {
            IdleReason.UNUSED: f"{stays}: nothing was asked of it yet, and somebody waited for its start.",
            IdleReason.FIXED: f"{stays}, as it was told to.",
            IdleReason.PAUSES: f"{stays}: {self.shorter} of the last {self.pauses} pauses at such times were shorter; "
            f"{start}.",
            IdleReason.FEW_KNOWN: f"{stays}: only {self.pauses} pauses at such times are known yet; {start}.",
            IdleReason.BEDROCK_CHEAPER: f"{stays}: Bedrock answers an hour like the last one for "
            f"US$ {self.bedrock_usd_per_hour or 0:.4f}, and this GPU costs US$ {self.gpu_usd_per_hour:.2f}.",
        }[self.reason]


def idle_time(
    known: Sequence[Pause],
    figures: IdleFigures,
    least_s: int = LEAST_IDLE_S,
    most_s: int = MOST_IDLE_S,
) -> IdleDecision:
    """From `least_s` to `most_s`, whatever was seen. `known`: pauses of such times (pauses.py)."""
    restart = figures.restart_seconds
    steps = range(least_s, max(least_s, most_s) + 1, STEP_S)
    seconds = min(steps, key=lambda after: _cost(after, known, restart))
    if figures.bedrock_usd_per_hour is not None and restart < figures.boot_seconds:
        reason = IdleReason.BEDROCK_CHEAPER
    else:
        reason = IdleReason.PAUSES if len(known) >= FEW else IdleReason.FEW_KNOWN
    return IdleDecision(
        seconds=seconds,
        reason=reason,
        shorter=sum(pause.seconds < seconds for pause in known),
        pauses=len(known),
        restart_seconds=round(restart),
        boot_seconds=round(figures.boot_seconds),
        gpu_usd_per_hour=figures.gpu_usd_per_hour,
        bedrock_usd_per_hour=figures.bedrock_usd_per_hour,
    )


def unused() -> IdleDecision:
    """Of a GPU that has answered nothing yet."""
    return IdleDecision(seconds=UNUSED_IDLE_S, reason=IdleReason.UNUSED)


def expected_s(idle_seconds: int) -> int:
    """For who reckons ahead. `idle_seconds`: the deployment's, 0 for auto."""
    return idle_seconds or EXPECTED_AUTO_S


def fixed(seconds: int) -> IdleDecision:
    return IdleDecision(seconds=seconds, reason=IdleReason.FIXED)


def _cost(after: int, known: Sequence[Pause], restart: float) -> float:
    """Of ending after so long in all those pauses, as seconds of a GPU that is on."""
    cost = PRIOR_PAUSES * _prior_cost(after, restart)
    for pause in known:
        for blur in BLUR_S:
            length = pause.seconds + blur
            cost += (length if length <= after else after + restart) / len(BLUR_S)
    return cost


def _prior_cost(after: float, restart: float) -> float:
    """Of one pause of the prior, expected: its length L has log(L) even between a minute's and the longest's."""
    spread = log(PRIOR_LONGEST_S / MINUTE_S)
    within = max(0.0, after - MINUTE_S) / spread  # the lengths of those that end before
    beyond = min(1.0, log(PRIOR_LONGEST_S / max(after, MINUTE_S)) / spread)
    return within + beyond * (after + restart)
