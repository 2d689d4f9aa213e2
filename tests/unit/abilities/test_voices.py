"""Which voice reads a text."""

from types import ModuleType

import pytest

from foreverus.abilities.text_to_speech import espeak_engine, piper_engine
from foreverus.abilities.text_to_speech.port import SpeechEngine
from foreverus.abilities.text_to_speech.voices import OPENAI, VOICES, VoiceLanguage, language_of, named
from local.patches.polly import VOICES as OF_THE_LAPTOP

POLLYS = [one for one in VOICES.values() if SpeechEngine.CONTAINER not in one.engines]


@pytest.mark.parametrize("engine", SpeechEngine)
@pytest.mark.parametrize("language", VoiceLanguage)
@pytest.mark.parametrize("name", OPENAI)
def test_each_of_openais_names_is_a_voice_of_that_language_and_engine(
    name: str, language: VoiceLanguage, engine: SpeechEngine
) -> None:
    voice = named(OPENAI[name], language, engine)
    assert voice.language is language and engine in voice.engines


def test_the_laptop_has_the_same_voices() -> None:
    ours = {one.name: tuple(engine.value for engine in one.engines) for one in POLLYS}
    assert ours == {name: engines for name, (_, engines) in OF_THE_LAPTOP.items()}


@pytest.mark.parametrize("engine", [espeak_engine, piper_engine])
def test_each_engine_of_our_container_has_its_voices(engine: ModuleType) -> None:
    assert set(engine.VOICES) == {one.name for one in VOICES.values()} - {one.name for one in POLLYS}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Bom dia!", VoiceLanguage.PORTUGUESE),
        ("A reunião ficou para amanhã às dez.", VoiceLanguage.PORTUGUESE),
        ("Preciso que você me explique como isso funciona", VoiceLanguage.PORTUGUESE),
        ("The meeting is at ten.", VoiceLanguage.ENGLISH),
        ("What is the word 'saudade' about?", VoiceLanguage.ENGLISH),
        ("42", VoiceLanguage.ENGLISH),
    ],
)
def test_a_texts_words_say_its_language(text: str, language: VoiceLanguage) -> None:
    assert language_of(text) is language
