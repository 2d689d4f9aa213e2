"""The port of whoever reads text aloud. Its in-memory twin is `memory.py`, the real one `polly.py`."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MOST_CHARACTERS = 3000  # of one call of Polly, tags not counted
MOST_WITH_TAGS = 6000  # of the same call, tags and escapes counted


class SpeechEngine(StrEnum):
    """How a voice is made: neural ones sound like people, standard ones cost a quarter; in our own container."""

    NEURAL = "neural"
    STANDARD = "standard"
    CONTAINER = "container"


class SpeechFormat(StrEnum):
    """By OpenAI's names. `PCM`: 24,000 samples a second, 16 bits, little-endian, one channel, no header. `WAV`: 16,000
    samples a second, as Polly makes them. `OPUS`: in Ogg."""

    MP3 = "mp3"
    OPUS = "opus"
    WAV = "wav"
    PCM = "pcm"


class Sound(StrEnum):
    """What an engine makes. `PCM`: 16,000 samples a second, 16 bits, little-endian, one channel."""

    MP3 = "mp3"
    OGG_OPUS = "ogg_opus"
    PCM = "pcm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Text that one call reads aloud. `voice`: by the engine's own name. `speed`: 0.2 to 2, of the voice's own."""

    text: str
    voice: str
    engine: SpeechEngine
    sound: Sound
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """`characters`: what the call is billed for. `pieces`: the sound as it comes; close it."""

    characters: int
    pieces: AsyncGenerator[bytes, None]


class TextToSpeech(Protocol):
    async def speak(self, utterance: Utterance) -> Spoken:
        """When this returns, the call is billed. It and the pieces raise PromptRejected (this text cannot be read),
        EngineBusy, BackendUnavailable (each of these three is billed nothing) and EngineFailed."""


def billed_at_most(text: str) -> int:
    """A bound of what a text is billed for: a character beyond the first plane may count as two.

    >>> billed_at_most("Olá!"), billed_at_most("🙂")
    (4, 2)
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
