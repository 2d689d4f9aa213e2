"""The port of whoever writes down what is said. Its in-memory twin is `memory.py`, the real one `transcribe.py`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class MediaKind(StrEnum):
    """Of a recording, by its bytes: what Transcribe calls its MediaFormat."""

    MP3 = "mp3"
    MP4 = "mp4"
    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`seconds`: how long it is, as its own headers and frames have it. `language`: `pt-BR` or `en-US`; empty:
    whichever of them is spoken."""

    data: bytes
    kind: MediaKind
    seconds: float
    language: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """`text`: empty where nothing was said. It is what somebody said, and starts nothing. `until`: where its last word
    ends, in seconds."""

    text: str
    language: str
    until: float = 0.0


class SpeechToText(Protocol):
    async def transcribe(self, name: str, recording: Recording) -> Transcript:
        """`name`: unique; the recording is kept under it until this ends, however it ends. Raises PromptRejected (this
        cannot be listened to), EngineBusy, BackendUnavailable (nothing was asked: these two are billed nothing) and
        EngineFailed."""
