"""From the bytes of POST /v1/audio/speech to what is read aloud and by whom, or a clear error. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.abilities.text_to_speech.parts import parts
from foreverus.abilities.text_to_speech.port import Sound, SpeechEngine, SpeechFormat, Utterance, billed_at_most
from foreverus.abilities.text_to_speech.voices import OPENAI, VOICES, Voice, VoiceLanguage, language_of, named
from foreverus.api import schemas
from foreverus.errors import InvalidRequest, NotFound
from foreverus.text import is_blank, quoted, shortened

# OpenAI's names too, for clients that can name no other.
MODELS: Mapping[str, SpeechEngine] = {
    "polly-neural": SpeechEngine.NEURAL,
    "polly-standard": SpeechEngine.STANDARD,
    "tts-1-hd": SpeechEngine.NEURAL,
    "gpt-4o-mini-tts": SpeechEngine.NEURAL,
    "tts-1": SpeechEngine.STANDARD,
}
# Those of a deployment with a container of its own: each is its engine.
CONTAINER_MODELS: Mapping[str, SpeechEngine] = dict.fromkeys(
    ("container", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"), SpeechEngine.CONTAINER
)
SOUNDS: Mapping[SpeechFormat, Sound] = {
    SpeechFormat.MP3: Sound.MP3,
    SpeechFormat.OPUS: Sound.OGG_OPUS,
    SpeechFormat.WAV: Sound.PCM,
    SpeechFormat.PCM: Sound.PCM,
}
MOST_SHOWN = 60
OFF = (
    "This deployment reads nothing aloud and listens to nothing: its parameter Voice is 'off'. Whoever runs it can "
    "deploy it with Voice=managed or Voice=container."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """`request_id`: `req_…`, unique."""

    request_id: str
    engine: SpeechEngine
    form: SpeechFormat
    utterances: tuple[Utterance, ...]

    @property
    def most_characters(self) -> int:
        """That reading it is billed for."""
        return sum(billed_at_most(one.text) for one in self.utterances)


def read_speech(data: bytes, now: datetime, models: Mapping[str, SpeechEngine] = MODELS) -> SpeechRequest:
    """`models`: those that there are. Raises InvalidRequest or NotFound."""
    given = schemas.parse("speech", data)
    body = {name: value for name, value in given.items() if value is not None}
    engine = models.get(body["model"])
    if engine is None:
        said = quoted(shortened(body["model"], MOST_SHOWN))
        message = f"The model {said} does not exist, or reads nothing aloud. There are: {', '.join(models)}."
        raise NotFound(message, "model", "model_not_found")
    if is_blank(body["input"]):
        raise InvalidRequest("The field 'input' holds no text: there is nothing to read.", "input", "invalid_field")
    form = SpeechFormat(body.get("response_format", SpeechFormat.MP3))
    voice = _voice(body, engine)
    utterances = (
        Utterance(text=text, voice=voice.name, engine=engine, sound=SOUNDS[form], speed=float(body.get("speed", 1)))
        for text in parts(body["input"])
    )
    return SpeechRequest(request_id=ids.new_id("req", now), engine=engine, form=form, utterances=tuple(utterances))


def _voice(body: Mapping[str, Any], engine: SpeechEngine) -> Voice:
    name = body["voice"].lower()
    asked = VoiceLanguage(body["language"]) if "language" in body else None
    if kind := OPENAI.get(name):
        return named(kind, asked or language_of(body["input"]), engine)
    voice = VOICES.get(name)
    if voice is None or engine not in voice.engines:
        has = [one.name for one in VOICES.values() if engine in one.engines]
        said = quoted(shortened(body["voice"], MOST_SHOWN))
        why = f"is not one of the {engine.value} voices" if voice else "is none of this deployment's voices"
        message = f"The field 'voice' {why}: {said}. There are: {', '.join((*OPENAI, *has))}."
        raise InvalidRequest(message, "voice", "invalid_field")
    if asked not in (None, voice.language):
        message = f"The field 'language' does not fit: the voice {voice.name} speaks {voice.language.value}."
        raise InvalidRequest(message, "language", "invalid_field")
    return voice
