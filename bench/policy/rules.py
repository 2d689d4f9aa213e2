"""The rules that are compared: the product's own, called and not copied, and what others do."""

from bench.policy.world import GPU_USD_PER_HOUR, MEAN_BOOT_S, Rule, Seen, gpu_usd
from foreverus.choice.chat_gpu import REVIEW_S, ChatGpuFigures, keep_for_chats, start_for_chats
from foreverus.choice.idle_time import LEAST_IDLE_S, IdleFigures, idle_time


class AlwaysOn(Rule):
    keeps_busy = True


class Idle(Rule):
    """So many seconds, always."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def idle_s(self, seen: Seen, now: float) -> float:
        return self.seconds


class Auto(Rule):
    """`IdleSeconds=auto` in a stack without Bedrock."""

    least_idle_s = LEAST_IDLE_S

    def idle_s(self, seen: Seen, now: float) -> float:
        figures = IdleFigures(boot_seconds=seen.boot_s, gpu_usd_per_hour=GPU_USD_PER_HOUR)
        return idle_time(seen.pauses(now), figures).seconds


class BedrockOnly(Rule):
    bedrock = True


class ChatsAuto(Rule):
    """`ChatGpu=auto` and `IdleSeconds=auto`: Bedrock answers, and a GPU is on while it is worth it."""

    bedrock = True
    least_idle_s = LEAST_IDLE_S

    def _figures(self, seen: Seen) -> ChatGpuFigures:
        return ChatGpuFigures(boot_seconds=seen.boot_s, gpu_usd_per_hour=GPU_USD_PER_HOUR)

    def idle_s(self, seen: Seen, now: float) -> float:
        hourly = seen.value.at(now)
        figures = IdleFigures(boot_seconds=seen.boot_s, gpu_usd_per_hour=GPU_USD_PER_HOUR, bedrock_usd_per_hour=hourly)
        return min(REVIEW_S, idle_time(seen.pauses(now), figures).seconds)  # a review of nothing ends it

    def starts(self, seen: Seen, now: float) -> bool:
        return start_for_chats(seen.spent.at(now), seen.lately.at(now), self._figures(seen)).wanted

    def keeps(self, seen: Seen, now: float, healthy_s: float) -> bool:
        return keep_for_chats(seen.reviewed.at(now), healthy_s, self._figures(seen)).wanted


class SkiRental(Rule):
    """Break-even for both: a GPU once Bedrock has cost as much as a boot, gone when its idling has."""

    bedrock = True

    def idle_s(self, seen: Seen, now: float) -> float:
        return MEAN_BOOT_S

    def starts(self, seen: Seen, now: float) -> bool:
        return seen.spent.at(now) >= gpu_usd(MEAN_BOOT_S)


CONSTANTS = (5.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 420.0, 600.0, 900.0, 1800.0)
