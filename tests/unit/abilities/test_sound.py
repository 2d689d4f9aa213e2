"""Samples for clients: a WAV file that Python's own reader takes, and 24,000 samples a second of 16,000."""

import io
import math
import wave
from array import array
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from foreverus.abilities.text_to_speech.sound import SAMPLES_PER_S, Resampler, wav


def test_a_wav_file_says_how_long_it_is() -> None:
    samples = array("h", range(-500, 500)).tobytes()
    with wave.open(io.BytesIO(wav(samples))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.readframes(file.getnframes()) == samples


def resampled(samples: bytes, cuts: list[int]) -> bytes:
    made, of = b"", Resampler()
    for begin, end in zip([0, *cuts], [*cuts, len(samples)], strict=True):
        made += of.feed(samples[begin:end])
    return made + of.end()


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_how_it_is_cut_changes_nothing(samples: bytes, cuts: list[int]) -> None:
    inside = sorted(min(cut, len(samples)) for cut in cuts)
    assert resampled(samples, inside) == resampled(samples, [])
    count = len(samples) // 2
    assert 0 <= len(resampled(samples, [])) // 2 - 1.5 * count <= 1.5


def test_a_tone_stays_the_same_tone() -> None:
    hertz = 440
    tone = array("h", [int(8000 * math.sin(2 * math.pi * hertz * at / SAMPLES_PER_S)) for at in range(SAMPLES_PER_S)])
    made = array("h", resampled(tone.tobytes(), []))
    crossings = sum(1 for one, two in pairwise(made) if one < 0 <= two)
    assert abs(crossings - hertz) <= 1 and abs(len(made) - 24_000) <= 1
