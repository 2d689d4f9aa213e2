"""Who sees images, where the deployment's Images is on."""

from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.abilities.read_image.bedrock import BedrockSight

CALLS = 32  # in flight at once; a thread is made when it is needed


@cache
def sight(model_id: str, calls: int = CALLS) -> "BedrockSight":
    """Who sees images."""
    from foreverus.abilities.read_image.bedrock import BedrockSight
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, config

    return BedrockSight(aws.client("bedrock-runtime", own=config(calls, SILENCE_TIMEOUT_S)), model_id, calls)
