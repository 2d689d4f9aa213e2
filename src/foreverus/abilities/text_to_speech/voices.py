"""Which voice reads a text: OpenAI's names and Polly's own, for Brazilian Portuguese and American English. Pure.

Polly's voices are of one language each, OpenAI's read any. So OpenAI's names stand for a kind of voice, and which one
that is depends on the text's language.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from foreverus.abilities.text_to_speech.port import SpeechEngine


class VoiceLanguage(StrEnum):
    PORTUGUESE = "pt-BR"
    ENGLISH = "en-US"


@dataclass(frozen=True, slots=True)
class Voice:
    """`name`: Polly's, or our own. `engines`: those that have it."""

    name: str
    language: VoiceLanguage
    engines: tuple[SpeechEngine, ...]


_OURS = (SpeechEngine.CONTAINER,)  # by no engine's name: an image has one engine or another
_BOTH = (SpeechEngine.NEURAL, SpeechEngine.STANDARD)
# https://docs.aws.amazon.com/polly/latest/dg/neural-voices.html and standard-voices.html
VOICES = {
    one.name.lower(): one
    for one in (
        Voice("Camila", VoiceLanguage.PORTUGUESE, _BOTH),
        Voice("Vitoria", VoiceLanguage.PORTUGUESE, _BOTH),
        Voice("Thiago", VoiceLanguage.PORTUGUESE, (SpeechEngine.NEURAL,)),
        Voice("Ricardo", VoiceLanguage.PORTUGUESE, (SpeechEngine.STANDARD,)),
        Voice("Joanna", VoiceLanguage.ENGLISH, _BOTH),
        Voice("Kendra", VoiceLanguage.ENGLISH, _BOTH),
        Voice("Matthew", VoiceLanguage.ENGLISH, (SpeechEngine.NEURAL,)),
        Voice("Joey", VoiceLanguage.ENGLISH, _BOTH),
        Voice("pt-BR-high", VoiceLanguage.PORTUGUESE, _OURS),
        Voice("pt-BR-low", VoiceLanguage.PORTUGUESE, _OURS),
        Voice("en-US-high", VoiceLanguage.ENGLISH, _OURS),
        Voice("en-US-low", VoiceLanguage.ENGLISH, _OURS),
    )
}
HIGH, LOW = "high", "low"
_KINDS: Mapping[tuple[str, VoiceLanguage], tuple[str, ...]] = {  # the first one that the engine has
    (HIGH, VoiceLanguage.PORTUGUESE): ("camila", "pt-br-high"),
    (LOW, VoiceLanguage.PORTUGUESE): ("thiago", "ricardo", "pt-br-low"),
    (HIGH, VoiceLanguage.ENGLISH): ("joanna", "en-us-high"),
    (LOW, VoiceLanguage.ENGLISH): ("matthew", "joey", "en-us-low"),
}
OPENAI = {
    **dict.fromkeys(("alloy", "coral", "marin", "nova", "sage", "shimmer"), HIGH),
    **dict.fromkeys(("ash", "ballad", "cedar", "echo", "fable", "onyx", "verse"), LOW),
}


def named(kind: str, language: VoiceLanguage, engine: SpeechEngine) -> Voice:
    """Of a name of OpenAI's.

    >>> named(OPENAI["onyx"], VoiceLanguage.PORTUGUESE, SpeechEngine.NEURAL).name
    'Thiago'
    """
    return next(VOICES[name] for name in _KINDS[kind, language] if engine in VOICES[name].engines)


def language_of(text: str) -> VoiceLanguage:
    """By the words that each language has and the other has not; English where neither has more.

    >>> language_of("Qual é a capital do Brasil?").value, language_of("What is the capital of Brazil?").value
    ('pt-BR', 'en-US')
    """
    words = re.findall(r"[^\W\d_]+", text.lower())
    marked = sum(1 for word in words if re.search("[ãõçáéíóúâêôà]", word))
    portuguese = marked + sum(1 for word in words if word in _PORTUGUESE)
    english = sum(1 for word in words if word in _ENGLISH)
    return VoiceLanguage.PORTUGUESE if portuguese > english else VoiceLanguage.ENGLISH


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PORTUGUESE = _words(
    "de que o os um uma uns umas em para por com como mais mas foi ser ele ela eles elas se sua seu ou quando muito "
    "nos eu isso entre era depois sem mesmo aos seus quem nas meu minha tem essa esse este esta pelo pela qual bom boa "
    "dia tudo bem oi obrigado obrigada sim da do na dos das"
)
_ENGLISH = _words(
    "the of and to in is you that it he was for on are with his they at be this have from or had by but what all were "
    "we when your can there an each which she how their if will up about out many then them these so some her would "
    "like him into has hello good morning yes thanks thank"
)
