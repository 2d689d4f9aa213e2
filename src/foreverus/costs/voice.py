"""What reading text aloud costs: Polly's price of a character. Pure.

https://aws.amazon.com/polly/pricing, as quoted in October 2026, of us-east-1; another Region may differ, and the budget
sees what it takes. A new account's free characters are left out.
"""

from collections.abc import Mapping

SPEECH_USD_PER_MILLION_CHARACTERS: Mapping[str, float] = {"standard": 4.00, "neural": 16.00}  # by the engine's name


def speech_usd(engine: str, characters: int) -> float:
    """
    >>> speech_usd("neural", 1000), speech_usd("standard", 1000)
    (0.016, 0.004)
    """
    return SPEECH_USD_PER_MILLION_CHARACTERS[engine] * characters / 1e6
