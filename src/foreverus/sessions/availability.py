"""For how much of a session its GPU answered. Pure."""

import math
from datetime import datetime

from foreverus.costs.idle import gpu_time
from foreverus.sessions.records import Session


def healthy_minutes(session: Session, until: datetime) -> tuple[int, int]:
    """Minutes in which an instance of the session could answer, and minutes with an instance. An engine that died
    counts until its worker has ended it, which takes seconds; a machine that was lost, until it was missed."""
    time = gpu_time(session.launches, until, session.healthy_times, {})
    return round((time.whole - time.boot) / 60), math.ceil(time.whole / 60)
