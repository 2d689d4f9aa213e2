"""From `POST /v1/sessions` to healthy, against the same engine started directly, to its first completion."""

from bench import engine
from bench.figures import Figure, figure
from bench.processor import contention
from local.cloud import Cloud
from local.person import Person

RUNS = 5
MOST_S = 1.0


def measure(cloud: Cloud) -> Figure:
    """With the real engine: what a boot waits for is its weights."""
    ours: list[float] = []
    direct: list[float] = []
    waited: list[float] = []
    for _ in range(RUNS):
        waited.append(contention())
        with engine.running() as (_, seconds):
            direct.append(seconds)
        with Person(cloud.outputs) as person:
            session_id, seconds = person.start_session()
            ours.append(seconds)
            person.end_session(session_id)
    return figure(
        "boot",
        [our - their for our, their in zip(ours, direct, strict=True)],
        MOST_S,
        what="POST /v1/sessions to healthy, minus starting the engine directly to its first completion",
        unit="s more",
        waited=waited,
        ours_s=[round(seconds, 3) for seconds in ours],
        baseline_s=[round(seconds, 3) for seconds in direct],
    )
