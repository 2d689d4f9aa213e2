"""Samples as clients take them: a WAV file's header, and 24,000 a second of Polly's 16,000. Pure."""

import struct
import sys
from array import array

SAMPLES_PER_S = 16_000  # the most that Polly gives without a format around them
SAMPLE_BYTES = 2


def wav(samples: bytes) -> bytes:
    """The whole file, whose header says how long it is."""
    rate = SAMPLES_PER_S * SAMPLE_BYTES
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLES_PER_S, rate, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    size = 4 + len(kind) + 8 + len(samples)
    return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + kind + struct.pack("<4sI", b"data", len(samples)) + samples


class Resampler:
    """16,000 samples a second become 24,000, as they come: three where there were two, on the straight line between
    their neighbours. What OpenAI's clients take for `pcm` has that rate, and nothing in it says so."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, more: bytes) -> bytes:
        """What can be said by now: of each two samples, where the one after them is known."""
        self._bytes += more
        pairs = (len(self._bytes) // SAMPLE_BYTES - 1) // 2
        if pairs < 1:
            return b""
        known = _samples(self._bytes[: (2 * pairs + 1) * SAMPLE_BYTES])
        self._bytes = self._bytes[2 * pairs * SAMPLE_BYTES :]
        return _between(known)

    def end(self) -> bytes:
        """The rest, one sample or two: the last one is held."""
        rest = _samples(self._bytes[: len(self._bytes) // SAMPLE_BYTES * SAMPLE_BYTES])
        self._bytes = b""
        if not rest:
            return b""
        rest.extend([rest[-1]] * (3 - len(rest)))
        return _between(rest)


def _between(known: "array[int]") -> bytes:
    made = array("h", bytes(3 * (len(known) - 1) // 2 * SAMPLE_BYTES))
    first, second, after = known[:-1:2], known[1::2], known[2::2]
    made[0::3] = first
    made[1::3] = array("h", [(one + 2 * two) // 3 for one, two in zip(first, second, strict=True)])
    made[2::3] = array("h", [(2 * two + three) // 3 for two, three in zip(second, after, strict=True)])
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()


def _samples(data: bytes) -> "array[int]":
    found = array("h", data)
    if sys.byteorder == "big":
        found.byteswap()
    return found
