"""What who knows the future would pay. It boots ahead, so nobody waits for it.

Of idle time alone: between two times in which the GPU works, the cheaper of staying on and starting again. Of both
backends: a dynamic programme over minutes and three states (off, booting, on).
"""

from collections.abc import Sequence
from itertools import pairwise

from bench.policy.requests import Request, Stream
from bench.policy.world import MEAN_BOOT_S, Rule, Seen, bedrock_usd, gpu_usd, union
from foreverus.choice.assumed import PUBLISHED_TOKENS_PER_SECOND

MINUTE_S = 60.0


def idle_alone(busy: Sequence[tuple[float, float]], boot_s: float = MEAN_BOOT_S) -> float:
    """US$. `busy`: when the GPU works where it is on all the time.

    >>> round(idle_alone([(0, 60), (120, 180), (10_000, 10_060)], boot_s=600) / gpu_usd(1))
    1440
    """
    spans = union(busy)
    if not spans:
        return 0.0
    working = sum(end - begin for begin, end in spans)
    between = sum(min(boot_s, later[0] - one[1]) for one, later in pairwise(spans))
    return gpu_usd(boot_s + working + between)


def pauses_alone(busy: Sequence[tuple[float, float]], rule: Rule) -> float:
    """US$ of a rule in the same pauses: as if a boot kept nobody waiting, so that nothing is saved by waiting."""
    spans, seen, paid = union(busy), Seen(), MEAN_BOOT_S
    for at, (begin, end) in enumerate(spans):
        seen.minutes.extend(range(int(begin // MINUTE_S), int(end // MINUTE_S) + 1))
        paid += end - begin
        if at + 1 == len(spans):
            break
        pause = spans[at + 1][0] - end
        after = rule.idle_s(seen, end) if pause > rule.least_idle_s else pause
        paid += pause if pause <= after else after + MEAN_BOOT_S
    return gpu_usd(paid)


def both(stream: Stream) -> float:
    """US$ of a whole stream."""
    off, on = minute_costs(stream)
    return best(off, on, round(MEAN_BOOT_S / MINUTE_S), gpu_usd(MINUTE_S))


def minute_costs(stream: Stream) -> tuple[list[float], list[float]]:
    """For each minute: what its requests cost on Bedrock, and what those cost there that a GPU that is on has no time
    for."""
    minutes = int((stream.end - stream.begin) // MINUTE_S) + 1
    usd, tokens = [0.0] * minutes, [0] * minutes
    for request in stream.requests:
        minute = _minute(request, stream)
        usd[minute] += bedrock_usd(request)
        tokens[minute] += request.answer
    most = PUBLISHED_TOKENS_PER_SECOND * MINUTE_S
    return usd, [cost * max(0.0, 1 - most / each) if each else 0.0 for cost, each in zip(usd, tokens, strict=True)]


def best(off: Sequence[float], on: Sequence[float], boot: int, gpu: float) -> float:
    """The least that the minutes can cost. `off`, `on`: Bedrock's part of each without and with a GPU that is on.
    `boot`: minutes that are paid like others, in which Bedrock answers. `gpu`: US$ of a minute.

    >>> best([5.0, 5.0, 5.0], [0.0, 0.0, 0.0], boot=1, gpu=1.0)  # boots in the first one
    8.0
    """
    sums = [0.0]
    for cost in off:
        sums.append(sums[-1] + cost)
    while_off, while_on = [0.0], [float("inf")]
    for minute in range(len(off)):
        begun = minute - boot  # a boot that began then is over now
        started = while_off[begun] + sums[minute] - sums[begun] + boot * gpu if begun >= 0 else float("inf")
        serving = min(while_on[-1], started) + gpu + on[minute]
        while_on.append(serving)
        while_off.append(min(while_off[-1] + off[minute], serving))
    return min(while_off[-1], while_on[-1])


def _minute(request: Request, stream: Stream) -> int:
    return int((request.at - stream.begin) // MINUTE_S)
