"""What a choice of a backend is made from and what it says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Number = int | float | bool | str


class NextStep(StrEnum):
    """What a batch's plan decides. NONE: nothing was planned yet."""

    NONE = ""
    GPU = "gpu"
    BEDROCK = "bedrock"
    WAIT = "wait"

    @classmethod
    def _missing_(cls, value: object) -> "NextStep":
        return cls.NONE


@dataclass(frozen=True)
class Work:
    """What is left: lines without an answer, the tokens of their prompts, and what we expect to be written for them.
    `gpu_image_tokens`: what their images are there, where the GPU's rate does not have their time in it."""

    lines: int
    prompt_tokens: int
    completion_tokens: int
    seconds_left: float  # of the completion window
    gpu_image_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """`tokens_per_second`: completion tokens of one GPU with its slots full, the prompts' time in them. Prices with
    disk and address. `available`: False while nobody sells a spot GPU."""

    allowed: bool
    live: bool  # one is live and healthy
    boot_seconds: float  # from the order to the first answer
    tokens_per_second: float
    spot_usd_per_hour: float
    on_demand_usd_per_hour: float
    idle_seconds: float  # how long it stays after its last answer
    on_demand_allowed: bool = False
    max_gpus: int = 1
    available: bool = True


@dataclass(frozen=True)
class Bedrock:
    allowed: bool
    usd_per_million_prompt_tokens: float
    usd_per_million_completion_tokens: float
    tokens_per_second: float  # completion tokens of all calls that may be in flight


@dataclass(frozen=True)
class Choice:
    """`gpus`: how many the backlog is worth. `review_in_seconds`: look again then at the latest. `arithmetic`: every
    number that was used, ready for JSON."""

    next: NextStep
    allow_on_demand: bool
    gpus: int
    review_in_seconds: int
    arithmetic: Mapping[str, Number] = field(default_factory=dict)

    def text(self, limit: int = 512) -> str:
        """The arithmetic as one line for people, of at most `limit` characters."""
        a, parts = self.arithmetic, [f"{self.next}: {self.arithmetic['reason']}"]
        parts.append(
            f"{a['lines']:,} lines left ({a['prompt_tokens']:,} + {a['completion_tokens']:,} tokens), "
            f"{span(a['seconds_left'])} left"
        )
        if a["gpu_allowed"]:
            boot = "live" if a["gpu_live"] else f"boot {span(a['gpu_boot_seconds'])}"
            parts.append(
                f"GPU US$ {a['gpu_usd']:.4f} in {span(a['gpu_seconds'])} ({a['gpus']} × {a['gpu_lifecycle']} at "
                f"US$ {a['gpu_usd_per_hour']:.3f}/h, {boot}, {a['gpu_tokens_per_second']:,.0f} tok/s each)"
            )
        if images := a.get("gpu_image_tokens"):
            parts[-1] += f", {images:,} tokens of images in it"
        if a["bedrock_allowed"]:
            parts.append(f"Bedrock US$ {a['bedrock_usd']:.4f} in {span(a['bedrock_seconds'])}")
        parts.append(f"look again in {span(self.review_in_seconds)}")
        line = "; ".join(parts)
        return line if len(line) <= limit else line[: limit - 1] + "…"


def span(seconds: Number) -> str:
    """
    >>> span(42), span(600), span(10_000)
    ('42 s', '10.0 min', '2.8 h')
    """
    value = float(seconds)
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"
