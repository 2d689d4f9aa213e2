"""A voice and ears beside `fake_cloud.py`: what the page sends is read as the real routes read it, so that nothing is
taken here that they would refuse. What is said is a tone, as long as its text; what is heard is what a test says."""

import array
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime

from foreverus.abilities.speech_to_text.port import Recording
from foreverus.abilities.text_to_speech.sound import wav
from foreverus.errors import NotFound, RequestRejected
from foreverus.openai_api.speech_requests import OFF, read_speech
from foreverus.openai_api.transcription_requests import read_transcription

HERTZ = 16_000
SECONDS_A_CHARACTER = 0.01  # ten times as fast as a person


def tone(seconds: float, loud: float = 0.3, pitch: float = 220) -> bytes:
    """Samples of 16 bits: sound that comes and goes four times a second, as speech does."""
    turns = (2 * math.pi * at / HERTZ for at in range(int(seconds * HERTZ)))
    swell = (loud * abs(math.sin(2 * turn)) * math.sin(pitch * turn) for turn in turns)
    return array.array("h", [int(32_767 * one) for one in swell]).tobytes()


class FakeVoice:
    def __init__(self) -> None:
        self.is_on = True
        self.says = ["What is a queue?"]  # of one recording after the other; the last one of all that follow
        self.recordings: list[Recording] = []
        self.read: list[dict] = []  # as they were asked for
        self.seconds_a_character = SECONDS_A_CHARACTER
        self.speaks: Callable[[str], bytes] | None = None  # instead of the tone

    def call(self, route: str, content_type: str, raw: bytes) -> tuple[int, dict | bytes]:
        try:
            if not self.is_on:
                raise NotFound(OFF, "model", "voice_off")
            if route == "transcriptions":
                self.recordings.append(read_transcription(content_type, raw, datetime.now(UTC)).recording)
                return 200, {"text": self.says.pop(0) if len(self.says) > 1 else self.says[0]}
            read_speech(raw, datetime.now(UTC))
            asked = json.loads(raw)
            self.read.append(asked)
            if self.speaks:
                return 200, self.speaks(asked["input"])
            return 200, wav(tone(0.1 + self.seconds_a_character * len(asked["input"]) / asked.get("speed", 1)))
        except RequestRejected as err:
            return err.status, err.body()

    @property
    def texts(self) -> list[str]:
        return [one["input"] for one in self.read]
