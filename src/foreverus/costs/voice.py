"""What reading aloud and listening cost: Polly's price of a character, Transcribe's of a second. Pure.

https://aws.amazon.com/polly/pricing, as quoted in October 2026, and https://aws.amazon.com/transcribe/pricing, both of
us-east-1; another Region may differ, and the budget sees what it takes. What a new account has free is left out.
"""

from collections.abc import Mapping
from math import ceil

# By the engine's name. Of our own container a run is paid, whatever it reads (costs/containers.py).
SPEECH_USD_PER_MILLION_CHARACTERS: Mapping[str, float] = {"standard": 4.00, "neural": 16.00, "container": 0.0}


def speech_usd(engine: str, characters: int) -> float:
    """
    >>> speech_usd("neural", 1000), speech_usd("standard", 1000)
    (0.016, 0.004)
    """
    return SPEECH_USD_PER_MILLION_CHARACTERS[engine] * characters / 1e6


# Standard batch transcription, by the second, at least fifteen of each request. It was 0.024 a minute for years; tables
# of 2026 have 0.006 too. The dearer one: a guard errs on the expensive side.
TRANSCRIPTION_USD_PER_MINUTE = 0.024
LEAST_SECONDS = 15


def transcription_usd(seconds: float) -> float:
    """
    >>> transcription_usd(3), transcription_usd(60.2)
    (0.006, 0.0244)
    """
    return max(LEAST_SECONDS, ceil(seconds)) * TRANSCRIPTION_USD_PER_MINUTE / 60
