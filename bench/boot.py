"""From `POST /v1/sessions` to healthy, against the same engine started directly, to its first completion."""

from statistics import median
from typing import Any

from bench import engine
from local.cloud import Cloud
from local.person import Person

RUNS = 5
MOST_S = 1.0


def measure(cloud: Cloud) -> dict[str, Any]:
    ours, direct = [], []
    for _ in range(RUNS):
        with engine.running() as (_, seconds):
            direct.append(seconds)
        with Person(cloud.outputs) as person:
            session_id, seconds = person.start_session()
            ours.append(seconds)
            person.end_session(session_id)
    difference = median(ours) - median(direct)
    return {
        "name": "boot",
        "what": "POST /v1/sessions to healthy, minus starting the engine directly to its first completion",
        "unit": "s more",
        "value": round(difference, 3),
        "limit": MOST_S,
        "good": difference <= MOST_S,
        "ours_s": [round(seconds, 3) for seconds in ours],
        "baseline_s": [round(seconds, 3) for seconds in direct],
    }
