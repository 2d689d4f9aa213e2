"""Who sees, in memory: it says of what kind and size each image is, and fails when told to."""

from foreverus.abilities.read_image.port import Sight
from foreverus.backends.images import PromptImage
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Prompt


class MemorySight(MemoryEngine):
    """Twin of `BedrockSight`."""

    sight = Sight.SEEN
    model_id = "memory"

    def __init__(self) -> None:
        super().__init__(lambda prompt: ["I see: ", *_shown(prompt)])


def _shown(prompt: Prompt) -> list[str]:
    return [f"{_words(one)}. " for message in prompt.messages for one in message.images]


def _words(image: PromptImage) -> str:
    return f"{image.kind.value} {image.width}x{image.height}"
