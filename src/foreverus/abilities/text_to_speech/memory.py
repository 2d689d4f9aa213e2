"""A reader in memory: its sound is the text itself, a piece for each word, and it fails when told to."""

from collections import deque
from collections.abc import AsyncGenerator

from foreverus.abilities.text_to_speech.port import Spoken, Utterance


class MemorySpeech:
    """Twin of `PollySpeech`."""

    def __init__(self) -> None:
        self.asked: list[Utterance] = []
        self._failures: deque[tuple[Exception, int]] = deque()

    def fail_next(self, error: Exception, after_pieces: int = -1) -> None:
        """The next call raises `error`, or its sound does after so many pieces."""
        self._failures.append((error, after_pieces))

    async def speak(self, utterance: Utterance) -> Spoken:
        self.asked.append(utterance)
        error, after = self._failures.popleft() if self._failures else (None, -1)
        if error and after < 0:
            raise error
        return Spoken(len(utterance.text), _pieces(utterance.text, error, after))


async def _pieces(text: str, error: Exception | None, after: int) -> AsyncGenerator[bytes, None]:
    for number, word in enumerate(text.split(" ")):
        if error and number == after:
            raise error
        yield (word if number == 0 else f" {word}").encode()
    if error:
        raise error
