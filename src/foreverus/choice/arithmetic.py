"""What work costs and how long it takes on each backend: the sums that every choice is made of. Pure.

A cold GPU costs its boot, the work and its idle tail; a live one only the work, because its tail is paid for anyway.
Bedrock costs its tokens and boots nothing.
"""

from dataclasses import dataclass

from foreverus.choice.assumed import READ_IN_ONES_TIME
from foreverus.choice.records import Bedrock, Gpu, Work

RESERVE = 1.2  # rates are of the last batches, and lines differ


@dataclass(frozen=True)
class Plan:
    """What one backend would do with the work."""

    seconds: float
    usd: float
    fits: bool
    tokens_done: float  # of those expected, within the time that is left


def tokens_of(work: Work) -> int:
    return max(work.completion_tokens, work.lines)  # an answer has a token at least


def gpu_tokens_of(work: Work) -> float:
    """As much of a GPU's time as so many written tokens: what is written, and the images that it is shown."""
    return tokens_of(work) + work.gpu_image_tokens / READ_IN_ONES_TIME


def gpu_seconds(work: Work, gpu: Gpu, gpus: int) -> float:
    """Until the last answer, on so many GPUs at once. The work is shared so that all of them end together."""
    alone = gpu_tokens_of(work) / gpu.tokens_per_second if gpu.allowed else 0.0
    if not gpu.live:
        return gpu.boot_seconds + alone / gpus
    return min(alone, (alone + (gpus - 1) * gpu.boot_seconds) / gpus)


def usd_per_hour(gpu: Gpu, on_demand: bool) -> float:
    return gpu.on_demand_usd_per_hour if on_demand and not gpu.live else gpu.spot_usd_per_hour


def gpu_plan(work: Work, gpu: Gpu, gpus: int, on_demand: bool) -> Plan:
    if not gpu.allowed:
        return Plan(0.0, 0.0, False, 0.0)
    seconds = gpu_seconds(work, gpu, gpus)
    booted = gpus - gpu.live
    paid = gpu_tokens_of(work) / gpu.tokens_per_second + booted * (gpu.boot_seconds + gpu.idle_seconds)
    answering = booted * max(0.0, work.seconds_left - gpu.boot_seconds) + gpu.live * max(0.0, work.seconds_left)
    written = tokens_of(work) / max(gpu_tokens_of(work), 1)  # of its time
    done = min(float(tokens_of(work)), answering * gpu.tokens_per_second * written)
    return Plan(seconds, paid / 3600 * usd_per_hour(gpu, on_demand), seconds * RESERVE <= work.seconds_left, done)


def bedrock_plan(work: Work, bedrock: Bedrock) -> Plan:
    if not bedrock.allowed:
        return Plan(0.0, 0.0, False, 0.0)
    seconds = tokens_of(work) / bedrock.tokens_per_second
    usd = work.prompt_tokens * bedrock.usd_per_million_prompt_tokens
    usd += tokens_of(work) * bedrock.usd_per_million_completion_tokens
    done = min(float(tokens_of(work)), max(0.0, work.seconds_left) * bedrock.tokens_per_second)
    return Plan(seconds, usd / 1e6, seconds * RESERVE <= work.seconds_left, done)


def break_even_tokens(seconds: float, usd_per_hour: float, usd_per_million_tokens: float) -> float:
    """How many tokens of Bedrock cost as much as a GPU that runs so many seconds and answers nothing.

    A boot of three minutes of g6.xlarge spot, against output tokens of Mistral 7B Instruct v0.2:

    >>> [round(break_even_tokens(180, price, 0.20)) for price in (0.26, 0.40, 0.44)]
    [65000, 100000, 110000]
    """
    return seconds / 3600 * usd_per_hour / usd_per_million_tokens * 1e6
