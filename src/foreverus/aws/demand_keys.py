"""The keys of when something was asked, of the next GPU, of an endpoint and of letters. `keys.py` has the others."""

from foreverus.aws.keys import GPUS, Key

DEMAND = "DEMAND"


def demand_key(hour: str) -> Key:
    """In which minutes of an hour (`2026-11-29T21`, UTC) something was asked, by nobody in particular."""
    return {"pk": DEMAND, "sk": hour}


def endpoint_key(endpoint: str) -> Key:
    """Until when an endpoint of SageMaker is paid already."""
    return {"pk": "SAGEMAKER", "sk": f"UP#{endpoint}"}


LETTERS = "LETTERS"


def letter_key(scheduled_at: str) -> Key:
    """That the letter of that time is being sent, or was."""
    return {"pk": LETTERS, "sk": scheduled_at}


CROWD: Key = {"pk": GPUS, "sk": "CROWD"}  # since when people come to GPUs without a free slot
POOL_ORDER: Key = {"pk": GPUS, "sk": "POOLS"}  # beside the slots: who looks for them reads it with them
