"""Whether chats are worth a GPU: when Bedrock has cost more than one would have, and when not any more. Pure.

A GPU is started when the last hour's answers cost, on Bedrock and since the last such GPU was started, as much as an
hour of one, at least twice all that one could lose, and those of the last minutes clearly more than it would have. It
ends when what it has answered in the last minutes would have cost less on Bedrock than it does. So every GPU that is
started has at least twice its possible loss of Bedrock's bill before it, of its own: all together never cost more than
1.5 times Bedrock alone, on any traffic.
Against a GPU that was on from the beginning no such bound can be kept (docs/decisions/0047): what it costs in addition
is bounded for each start.
"""

from dataclasses import dataclass

REVIEW_S = 10 * 60  # the minutes over which a GPU must be worth its price
START_MARGIN = 1.3  # and by how much, before it is started: what is about even does not flicker
HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatGpuFigures:
    """`boot_seconds`: learned, and paid. `end_seconds`: between the decision to end and the machine's end."""

    boot_seconds: float
    gpu_usd_per_hour: float
    end_seconds: float = 120.0

    @property
    def may_lose_usd(self) -> float:
        """The most that one GPU can cost more than Bedrock would have: its boot, one review, and its end.

        >>> round(ChatGpuFigures(boot_seconds=480, gpu_usd_per_hour=0.36).may_lose_usd, 3)
        0.12
        """
        return (self.boot_seconds + REVIEW_S + self.end_seconds) / HOUR_S * self.gpu_usd_per_hour

    @property
    def start_usd(self) -> float:
        """What Bedrock must have cost within an hour."""
        return max(self.gpu_usd_per_hour, 2 * self.may_lose_usd)

    @property
    def review_usd(self) -> float:
        """What a GPU costs in the minutes of a review."""
        return REVIEW_S / HOUR_S * self.gpu_usd_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatGpuDecision:
    """`wanted`: start it, or keep it. `bedrock_usd`: what was spent on Bedrock, or would have been. `gpu_usd`: what it
    was compared with."""

    wanted: bool
    bedrock_usd: float
    gpu_usd: float


def start_for_chats(hour_usd: float, recent_usd: float, figures: ChatGpuFigures) -> ChatGpuDecision:
    """What was spent on Bedrock in the last hour, and in the last `REVIEW_S`, both after the last GPU for chats was
    started.

    >>> figures = ChatGpuFigures(boot_seconds=480, gpu_usd_per_hour=0.36)
    >>> start_for_chats(0.40, 0.08, figures).wanted, start_for_chats(0.40, 0.06, figures).wanted
    (True, False)
    """
    enough, lately = hour_usd >= figures.start_usd, recent_usd >= START_MARGIN * figures.review_usd
    return ChatGpuDecision(wanted=enough and lately, bedrock_usd=hour_usd, gpu_usd=figures.start_usd)


def keep_for_chats(value_usd: float, healthy_seconds: float, figures: ChatGpuFigures) -> ChatGpuDecision:
    """`value_usd`: what the GPU's answers of the last `REVIEW_S` would have cost on Bedrock. It is not looked at before
    it was healthy for so long."""
    wanted = healthy_seconds < REVIEW_S or value_usd >= figures.review_usd
    return ChatGpuDecision(wanted=wanted, bedrock_usd=value_usd, gpu_usd=figures.review_usd)
