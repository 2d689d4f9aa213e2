"""What a task on Fargate costs: its processors, its memory and its public address, by the second, a minute at least.
Pure.

https://aws.amazon.com/fargate/pricing/ and https://aws.amazon.com/vpc/pricing/, Linux on x86-64 in us-east-1, as in
November 2026. Spot is up to 70 % off and moves with what is free: it is reckoned at half, for a guard errs on the dear
side.
"""

from collections.abc import Mapping
from dataclasses import dataclass

VCPU_USD_PER_HOUR = 0.04048
GB_USD_PER_HOUR = 0.004445
ADDRESS_USD_PER_HOUR = 0.005
SHARE_OF_LIST: Mapping[str, float] = {"FARGATE": 1.0, "FARGATE_SPOT": 0.5}  # by the capacity provider's name
LEAST_S = 60
PULL_S = 30  # the image is fetched before the task runs, and that is paid too


@dataclass(frozen=True, slots=True)
class Size:
    """Of a task."""

    vcpus: float
    gigabytes: float


TASK = Size(2, 4)  # of our own container, as the template has it


def task_usd(size: Size, provider: str, seconds: float) -> float:
    """A provider that we do not know costs as much as the dearest.

    >>> round(task_usd(Size(2, 4), "FARGATE", 3600), 5), round(task_usd(Size(2, 4), "FARGATE_SPOT", 10), 6)
    (0.10374, 0.000906)
    """
    hours = max(LEAST_S, seconds) / 3600
    listed = size.vcpus * VCPU_USD_PER_HOUR + size.gigabytes * GB_USD_PER_HOUR
    return hours * (listed * SHARE_OF_LIST.get(provider, 1.0) + ADDRESS_USD_PER_HOUR)


def run_usd(size: Size, longest_s: float) -> float:
    """What a run may cost at most: a task on Spot that never got ready, and one that is not on Spot for all of its
    life."""
    return task_usd(size, "FARGATE", longest_s + PULL_S)
