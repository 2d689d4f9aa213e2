"""What to do with two minutes: which answers are worth going on with when AWS takes the instance back. Pure.

An answer's end is not known, its limit is. So it goes on exactly if it would reach its limit in time at the rate at which
it is being written; most end before their limit. What cannot is handed back at once, and leaves the engine to the rest.
"""  # noqa: E501

MARGIN_S = 15.0  # kept for the last save, for handing back, for telling the state machine and the subscribers
MARGIN_SHARE = 0.25  # but of a short notice no more than this
FIRST_TOKENS_S = 10.0  # so long an answer may take to show its rate
END_IN_TIME_CHECK_S = 0.5  # between the looks whether an answer or a line can end in time


def working_seconds(notice_s: float) -> float:
    """How long work may go on when the instance ends in `notice_s` seconds.

    >>> working_seconds(118), working_seconds(8), working_seconds(-1)
    (103.0, 6.0, 0.0)
    """
    return max(0.0, notice_s - min(MARGIN_S, notice_s * MARGIN_SHARE))


def ends_in_time(tokens_left: int, tokens_per_s: float | None, seconds_left: float, watched_s: float) -> bool:
    """Whether an answer with at most `tokens_left` more tokens goes on. Without a rate yet: for `FIRST_TOKENS_S`.

    >>> ends_in_time(1000, 60.0, 100.0, 0.0), ends_in_time(8000, 60.0, 100.0, 0.0)
    (True, False)
    >>> ends_in_time(1000, None, 100.0, 3.0), ends_in_time(1000, None, 100.0, 11.0), ends_in_time(1000, None, 2.0, 3.0)
    (True, False, False)
    """
    if seconds_left <= 0:
        return False
    if tokens_per_s is None:
        return watched_s < min(FIRST_TOKENS_S, seconds_left)
    return tokens_left <= tokens_per_s * seconds_left


def line_ends_in_time(elapsed_s: float, mean_s: float | None, seconds_left: float) -> bool:
    """Whether a batch line goes on, of which nothing is seen before its end: it is taken to need as long as lines have
    needed on average; one that has needed longer already, as long again as it has needed until now.

    >>> line_ends_in_time(3.0, 10.0, 8.0), line_ends_in_time(3.0, 10.0, 5.0)
    (True, False)
    >>> line_ends_in_time(20.0, 10.0, 25.0), line_ends_in_time(20.0, 10.0, 15.0), line_ends_in_time(2.0, None, 5.0)
    (True, False, True)
    """
    if seconds_left <= 0:
        return False
    return (mean_s - elapsed_s if mean_s and elapsed_s < mean_s else elapsed_s) <= seconds_left
