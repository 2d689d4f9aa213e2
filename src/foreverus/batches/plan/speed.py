"""How fast a batch is answered, learned from the batches before. Pure.

A GPU's speed is what its engine answers with all slots full: completion tokens for each second of slot time, times
the number of slots. A batch that cannot fill the slots for a while says nothing about that. Bedrock's speed is what was
answered between the first and the last line there.
"""

from foreverus.batches.plan.records import LearnedSpeed

WEIGHT = 0.3  # of the newest batch, in an exponentially weighted mean: the last three count as much as all before
SLOTFULS = 4  # a GPU's speed is learned from batches of at least so many lines for each slot


def gpu_tokens_per_second(lines: int, completion_tokens: int, slot_seconds: float, engine_slots: int) -> float | None:
    """What the engine answers in a second with all its slots full; None when this batch does not tell.

    >>> gpu_tokens_per_second(lines=400, completion_tokens=40_000, slot_seconds=1_600.0, engine_slots=16)
    400.0
    """
    if lines < SLOTFULS * engine_slots or slot_seconds <= 0 or completion_tokens <= 0:
        return None
    return round(completion_tokens / slot_seconds * engine_slots, 2)


def learned(before: LearnedSpeed, measured: LearnedSpeed) -> LearnedSpeed:
    """What is known with what a batch has measured: the first measurement counts whole, later ones by WEIGHT.

    >>> learned(LearnedSpeed(100.0, 90.0), LearnedSpeed(200.0))
    LearnedSpeed(tokens_per_second=130.0, boot_seconds=90.0)
    """
    return LearnedSpeed(
        _mixed(before.tokens_per_second, measured.tokens_per_second),
        _mixed(before.boot_seconds, measured.boot_seconds),
    )


def _mixed(before: float | None, measured: float | None) -> float | None:
    if measured is None:
        return before
    return round(measured if before is None else before + WEIGHT * (measured - before), 2)
