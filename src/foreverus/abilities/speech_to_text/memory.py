"""A listener in memory: it hears what it is told to, and fails when told to."""

from collections import deque

from foreverus.abilities.speech_to_text.port import Recording, Transcript


class MemoryListener:
    """Twin of `TranscribeListener`."""

    def __init__(self, text: str = "Bom dia.", until: float = 1.0) -> None:
        self.text = text
        self.until = until
        self.asked: list[Recording] = []
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        self._failures.append(error)

    async def transcribe(self, name: str, recording: Recording) -> Transcript:
        self.asked.append(recording)
        if self._failures:
            raise self._failures.popleft()
        return Transcript(self.text, recording.language or "pt-BR", self.until)
