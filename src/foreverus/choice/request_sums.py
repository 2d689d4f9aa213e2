"""What one request costs and how long it takes on each backend. Pure.

The dollars are the same sums as a batch's (`arithmetic.py`): a cold GPU costs its boot, the answer and its idle tail;
one that is on or starting only the answer's share of its time, because the rest is paid for anyway. The seconds are
reckoned with the rate of one answer, which is less than that of a GPU whose slots are full.
"""

from dataclasses import dataclass, replace
from math import inf

from foreverus.choice.arithmetic import bedrock_plan, gpu_plan
from foreverus.choice.assumed import BEDROCK_FIRST_WORD_S, EXPECTED_TOKENS, GPU_FIRST_WORD_S
from foreverus.choice.records import Number, Work
from foreverus.choice.request_records import Asked, BedrockNow, GpuNow, GpuStatus

BYTES_PER_TOKEN = 3  # that prompts are estimated with, on the high side


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one backend: US$, seconds until the first word is there, and the last."""

    usd: float
    first_word_s: float
    whole_s: float


def work_of(asked: Asked) -> Work:
    """The answer is expected to be an ordinary one, or as long as its limit allows."""
    limit = asked.prompt.limit or EXPECTED_TOKENS
    return Work(1, asked.prompt_tokens, min(limit, EXPECTED_TOKENS), inf)


def on_gpu(asked: Asked, now: GpuNow) -> Sums:
    work, status = work_of(asked), now.status  # what it reads is in its rates: an image more is no dollar more
    paid_for = replace(now.gpu, allowed=True, live=status is not GpuStatus.NONE)
    before = {
        GpuStatus.NONE: now.gpu.boot_seconds,
        GpuStatus.BOOTING: now.gpu.boot_seconds,
        GpuStatus.HEALTHY: 0.0,
        GpuStatus.FULL: (now.in_work - now.slots + 1) * EXPECTED_TOKENS / now.gpu.tokens_per_second,
    }[status]
    writing = work.completion_tokens / now.alone_tokens_per_second
    return _sums(gpu_plan(work, paid_for, 1, False).usd, before + GPU_FIRST_WORD_S, writing, asked.streaming)


def beside_what_runs(asked: Asked, now: GpuNow) -> float:
    """US$ that it adds to a GPU that is on or starting, at most: its share of the work, and where the GPU has nothing
    else in hand, the idle time that begins anew after it."""
    share = on_gpu(asked, now).usd
    if now.status is not GpuStatus.HEALTHY or now.in_work:
        return share
    return share + now.gpu.idle_seconds / 3600 * now.gpu.spot_usd_per_hour


def on_bedrock(asked: Asked, now: BedrockNow) -> Sums:
    work = work_of(asked)
    writing = work.completion_tokens / now.bedrock.tokens_per_second
    usd = bedrock_plan(work, replace(now.bedrock, allowed=True)).usd
    return _sums(usd, now.throttled_for_s + BEDROCK_FIRST_WORD_S, writing, asked.streaming)


def numbers(asked: Asked, gpu: GpuNow, bedrock: BedrockNow) -> dict[str, Number]:
    """Every number that was used, ready for JSON."""
    work, there = work_of(asked), on_gpu(asked, gpu)
    found: dict[str, Number] = {
        "prompt_tokens": work.prompt_tokens,
        "completion_tokens": work.completion_tokens,
        "gpu_status": gpu.status.value,
        "gpu_slots": gpu.slots,
        "gpu_in_work": gpu.in_work,
        "gpu_boot_seconds": round(gpu.gpu.boot_seconds),
        "gpu_idle_seconds": round(gpu.gpu.idle_seconds),
        "gpu_usd_per_hour": round(gpu.gpu.spot_usd_per_hour, 4),
        "gpu_tokens_per_second": round(gpu.gpu.tokens_per_second, 1),
        "gpu_usd": round(there.usd, 8),
        "gpu_first_word_seconds": round(there.first_word_s, 1),
        "gpu_seconds": round(there.whole_s, 1),
        "bedrock_allowed": bedrock.bedrock.allowed,
    }
    if sees := gpu.sees if asked.prompt.images else None:
        found["gpu_image_tokens"] = sees.sight.all_tokens(asked.prompt.images)
    if not bedrock.bedrock.allowed:
        return found
    here = on_bedrock(asked, bedrock)
    return found | {
        "bedrock_throttled_for_seconds": bedrock.throttled_for_s,
        "bedrock_usd_per_million_prompt_tokens": bedrock.bedrock.usd_per_million_prompt_tokens,
        "bedrock_usd_per_million_completion_tokens": bedrock.bedrock.usd_per_million_completion_tokens,
        "bedrock_usd": round(here.usd, 8),
        "bedrock_first_word_seconds": round(here.first_word_s, 1),
        "bedrock_seconds": round(here.whole_s, 1),
    }


def most_bedrock_usd(asked: Asked, now: BedrockNow) -> float:
    """A bound of what the call may cost: a token a byte, and the answer's whole limit, as it is reserved before it."""
    price = now.bedrock
    usd = asked.prompt_tokens * BYTES_PER_TOKEN * price.usd_per_million_prompt_tokens
    usd += min(asked.prompt.limit or now.context_tokens, now.context_tokens) * price.usd_per_million_completion_tokens
    return usd / 1e6


def _sums(usd: float, first_word_s: float, writing_s: float, streaming: bool) -> Sums:
    """Who does not watch sees the first word with the last."""
    whole = first_word_s + writing_s
    return Sums(usd, first_word_s if streaming else whole, whole)
