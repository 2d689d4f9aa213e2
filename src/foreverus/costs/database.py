"""What it costs that PostgreSQL wakes up. Pure.

Aurora at 0 ACU costs its storage only. Whoever stores something wakes it: it takes time to resume, stays awake for the
writing, and pauses again only when nobody has spoken to it for a while. All of that is billed by the second.
"""

ACU_USD_PER_HOUR = 0.12  # Aurora Serverless v2, Standard, us-east-1, https://aws.amazon.com/rds/aurora/pricing
MAX_ACU = 1  # with the next one: the template's ServerlessV2ScalingConfiguration; a test compares them
PAUSE_SECONDS = 300
RESUME_SECONDS = 30  # about 15, and 30 after a day of rest, says AWS
WRITE_SECONDS = 15  # estimated: a session's history is some requests to the Data API, of less than a second each


def wake_usd() -> float:
    """An upper bound for one wake: at the largest size all the time, and as if nobody else had woken it already.
    us-east-1's price; where Aurora costs more, it is that much more.

    >>> round(wake_usd(), 4)
    0.0115
    """
    return (RESUME_SECONDS + WRITE_SECONDS + PAUSE_SECONDS) / 3600 * MAX_ACU * ACU_USD_PER_HOUR
