"""The paced engine's pace: how many steps it has made. The time is told to it.

As with vLLM on a GPU, each step gives one token to every stream. Steps follow the clock and not the work: an engine
that was held up makes up for what it missed, so its speed is the same on a busy machine.
"""

import math
from pathlib import Path

PACE = 40.0  # tokens a second, where nobody says another
LOAD_S = 0.5  # 503 for so long, as while weights are read
ROUNDING = 1e-6  # of a step: `made(at(n))` is n


class Steps:
    def __init__(self, pace: float, now: float) -> None:
        """`pace`: steps a second; 0 holds every stream."""
        self.pace = pace
        self._made = 0.0  # at `_since`
        self._since = now

    def made(self, now: float) -> int:
        """Whole steps, since the engine was started."""
        return math.floor(self._exact(now) + ROUNDING)

    def change(self, pace: float, now: float) -> None:
        self._made, self._since, self.pace = self._exact(now), now, pace

    def at(self, step: int) -> float:
        """When that step is made, at this pace."""
        return self._since + max(0.0, step - self._made) / self.pace if self.pace else math.inf

    def _exact(self, now: float) -> float:
        return self._made + (now - self._since) * self.pace


def read_pace(file: Path | None) -> float | None:
    """The number in the file; None without one."""
    try:
        return float(file.read_text()) if file else None
    except (FileNotFoundError, ValueError):
        return None
