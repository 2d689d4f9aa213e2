"""Who sees and who reads, in memory: both say of what kind and size an image is, and fail when told to."""

from collections import deque

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


class MemoryReader:
    """Twin of `ContainerReader`. `texts`: what it reads next, one image each; then the image's kind and size."""

    sight = Sight.READ

    def __init__(self, *texts: str) -> None:
        self.texts = deque(texts)
        self.asked: list[PromptImage] = []
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        self._failures.append(error)

    async def read(self, image: PromptImage) -> str:
        self.asked.append(image)
        if self._failures:
            raise self._failures.popleft()
        return self.texts.popleft() if self.texts else _words(image)


def _shown(prompt: Prompt) -> list[str]:
    return [f"{_words(one)}. " for message in prompt.messages for one in message.images]


def _words(image: PromptImage) -> str:
    return f"{image.kind.value} {image.width}x{image.height}"
