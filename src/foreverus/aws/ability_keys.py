"""The keys of what our own containers do. `keys.py` has the others."""

from foreverus.aws.keys import Key

ABILITIES = "ABILITIES"


def run_key() -> Key:
    """Of the run that is on; no item: none is."""
    return {"pk": ABILITIES, "sk": "RUN"}


def refusal_key() -> Key:
    """Until when no run is started, and why; no item: nothing is in the way."""
    return {"pk": ABILITIES, "sk": "REFUSAL"}


def job_key(job_id: str) -> Key:
    """What one request wants of a task, and what came of it."""
    return {"pk": f"ABILITY_JOB#{job_id}", "sk": "JOB"}
