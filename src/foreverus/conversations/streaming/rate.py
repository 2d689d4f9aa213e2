"""How fast an answer is being written. Pure."""

from collections import deque

RATE_TOKENS = 8  # the fewest that a rate is measured from
RATE_WINDOW = 64  # tokens; a rate changes when others come and go


class TokenRate:
    """How fast an answer is written now, from the times of its last tokens."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=RATE_WINDOW)

    def add(self, now: float) -> None:
        self._times.append(now)

    def tokens_per_s(self, now: float) -> float | None:
        """None when there are too few to say. An engine that has stopped gets slower with every second.

        >>> rate = TokenRate()
        >>> for tenths in range(11): rate.add(tenths / 10)
        >>> rate.tokens_per_s(1.0), rate.tokens_per_s(5.0), TokenRate().tokens_per_s(1.0)
        (10.0, 2.0, None)
        """
        if len(self._times) < RATE_TOKENS or now <= self._times[0]:
            return None
        return (len(self._times) - 1) / (now - self._times[0])
