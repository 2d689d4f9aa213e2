"""Spoken and understood by the laptop's own voice and ears: how many words come back wrong. It says something of the
laptop's engines alone, never of AWS's."""

import json
import re
import subprocess
from collections.abc import Iterator

from bench.figures import Figure, shown
from local.emulator import INTERPRETER

NAME = "voice"
VOICE = "en-us"
SENTENCES = (
    "The weather is good today.",
    "We will meet at the station in the morning.",
    "Please send me the report before the end of the week.",
    "The answer to your question is on the second page.",
    "How long does it take to drive from here to the city?",
    "She opened the window because the room was too warm.",
)


def measure() -> Iterator[Figure]:
    what = "espeak-ng speaks a sentence of English, PocketSphinx writes it down: words wrong, of those said"
    for form in ("mp3", "ogg_opus"):
        rates = []
        for sentence in SENTENCES:
            sound = run("local.voice", form, VOICE, given=f"<speak>{sentence}</speak>".encode())
            words = json.loads(run("local.ears", form.removesuffix("_opus"), given=sound))
            rates.append(word_error_rate(sentence, [one["word"] for one in words]))
        yield shown(f"{NAME}_word_errors_{form}", rates, what=f"as {form}, {what}", unit="of 1")


def run(module: str, *arguments: str, given: bytes) -> bytes:
    done = subprocess.run([str(INTERPRETER), "-m", module, *arguments], input=given, capture_output=True, check=True)
    return done.stdout


def word_error_rate(said: str, heard: list[str]) -> float:
    """Words that are wrong, missing or too many, of those that were said.

    >>> word_error_rate("We will meet.", ["we", "meet", "you"])
    0.6666666666666666
    """
    wanted = re.findall(r"[a-z']+", said.lower())
    row = list(range(len(heard) + 1))
    for at, word in enumerate(wanted, 1):
        before, row[0] = row[0], at
        for to, other in enumerate(heard, 1):
            before, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, before + (word != other))
    return row[-1] / len(wanted)
