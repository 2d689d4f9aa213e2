"""Whether people who wait for a GPU are worth another one beside it. Pure.

A queue alone says little: a hundred questions at once are answered before another GPU has booted. So the crowd must
have lasted for a while, and what counts is how the queue would go on: so many come, so many are answered, and it grows
no further, for whoever waits for an answer does not ask again. From the end of its boot on the other GPU works it off.
It is worth it when the waiting that it saves until its first review is worth more than it costs until then.
"""

from dataclasses import dataclass

from foreverus.choice.assumed import EXPECTED_TOKENS

LASTS_S = 120  # before it is called a crowd
APART_S = 60  # who comes later than so long after the last one belongs to a new crowd
FELT_S = 5  # a shorter wait for a free slot is not worth a GPU, however many have it
REVIEW_S = 600  # of the GPU's life after its boot
END_S = 120  # between the decision to end and the machine's end
# What an hour of people's waiting is worth. Assumed, and far below anybody's wage: MaxGpus is the owner's word that
# more may be bought, this only keeps a GPU from being bought for a few seconds of somebody's time.
WAIT_USD_PER_HOUR = 1.0
HOUR_S = 3600
MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdNow:
    """`in_work`: is being answered or waits. `asked`: how many came in the last whole minute of the crowd, which began
    `lasted_s` ago: of a rush that is over it tells nothing.
    `slots`: of all `gpus` together."""

    in_work: int
    slots: int
    gpus: int
    asked: int
    lasted_s: float

    @property
    def waiting(self) -> int:
        return max(0, self.in_work - self.slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdFigures:
    """`tokens_per_second`: of one GPU with all its slots taken."""

    boot_seconds: float
    gpu_usd_per_hour: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdDecision:
    """`saved_hours`: of waiting, of all people together. `usd`: what the GPU costs until its first review."""

    wanted: bool
    waiting: int
    gpus: int
    asked_per_minute: float
    answered_per_minute: float
    wait_seconds: int
    saved_hours: float
    usd: float

    def numbers(self) -> dict[str, int | float]:
        return {name: getattr(self, name) for name in NUMBERS}

    def text(self) -> str:
        """One sentence with the sum.

        >>> now = CrowdNow(in_work=38, slots=8, gpus=1, asked=110, lasted_s=180)
        >>> figures = CrowdFigures(boot_seconds=480, gpu_usd_per_hour=0.36, tokens_per_second=452)
        >>> print(worth_another(now, figures).text())
        30 people wait 17 s for a free place: another GPU for US$ 0.12 saves 4.9 hours of waiting.
        """
        return (
            f"{self.waiting} people wait {self.wait_seconds} s for a free place: another GPU for US$ {self.usd:.2f} "
            f"saves {self.saved_hours:.1f} hours of waiting."
        )


NUMBERS = ("waiting", "gpus", "asked_per_minute", "answered_per_minute", "wait_seconds", "saved_hours", "usd")


def worth_another(now: CrowdNow, figures: CrowdFigures) -> CrowdDecision:
    """
    >>> figures = CrowdFigures(boot_seconds=480, gpu_usd_per_hour=0.36, tokens_per_second=452)
    >>> at_once = CrowdNow(in_work=108, slots=8, gpus=1, asked=9, lasted_s=130)
    >>> worth_another(at_once, figures).wanted  # hardly anybody comes any more
    False
    """
    one = figures.tokens_per_second / EXPECTED_TOKENS  # answers a second of one GPU
    comes, answered = now.asked / MINUTE_S, now.gpus * one
    slope = min(0.0, comes - answered)
    then = max(0.0, now.waiting + slope * figures.boot_seconds)
    saved_s = _waiting_s(then, slope) - _waiting_s(then, slope - one)
    usd = (figures.boot_seconds + REVIEW_S + END_S) / HOUR_S * figures.gpu_usd_per_hour
    wait_s = now.waiting / answered
    is_crowd = now.lasted_s >= LASTS_S and wait_s >= FELT_S
    return CrowdDecision(
        wanted=is_crowd and saved_s / HOUR_S * WAIT_USD_PER_HOUR >= usd,
        waiting=now.waiting,
        gpus=now.gpus,
        asked_per_minute=round(comes * 60, 1),
        answered_per_minute=round(answered * 60, 1),
        wait_seconds=round(wait_s),
        saved_hours=round(saved_s / HOUR_S, 2),
        usd=round(usd, 4),
    )


def _waiting_s(waiting: float, slope: float) -> float:
    """Seconds that people wait in all within a review, where the queue changes by `slope` a second.

    >>> _waiting_s(10, 0), _waiting_s(10, -1)
    (6000.0, 50.0)
    """
    lasts = min(REVIEW_S, waiting / -slope) if slope < 0 else REVIEW_S
    return waiting * lasts + slope * lasts * lasts / 2.0


# The GPU that was bought for a crowd ends first. All of them take from the same queue, so each has as much in hand as
# the others: what is in at most two fifths of one's slots fits into those of the others, be it one or three.
LEFT_SHARE = 0.4
LEFT_S = 60  # for so long


def has_left(most_in_hand: int, slots: int) -> bool:
    """Whether a crowd is gone, by what its GPU had in hand at most in the last `LEFT_S`.

    >>> [has_left(most, 8) for most in (0, 3, 4)]
    [True, True, False]
    """
    return most_in_hand <= LEFT_SHARE * slots
