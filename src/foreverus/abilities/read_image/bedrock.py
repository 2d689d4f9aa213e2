"""A model on Bedrock that sees: images go to Converse as blocks of their own beside the text (backends/converse.py)."""

from typing import Any

from foreverus.abilities.read_image.port import Sight
from foreverus.backends.bedrock import BedrockBackend
from foreverus.backends.tokens import MOST_SEEN_TOKENS


class BedrockSight(BedrockBackend):
    """`ReadImage` over a bedrock-runtime client. Close it with `close`."""

    sight = Sight.SEEN

    def __init__(self, client: Any, model_id: str, calls_at_once: int):
        super().__init__(client, model_id, calls_at_once, MOST_SEEN_TOKENS)
