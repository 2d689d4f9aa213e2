"""Samples in the formats that are asked for, by FFmpeg's libraries (`av`)."""

import io
from collections.abc import Iterator
from typing import Any

MONO, SIXTEEN_BITS = "mono", "s16"
PCM_HZ = 16_000
# Of each format: the container, the codec, its samples a second, its bits a second.
BARE = {"write_xing": "0", "id3v2_version": "0"}  # of mp3: frames alone, as Polly sends them
FORMATS = {"mp3": ("mp3", "libmp3lame", 24_000, 48_000), "ogg_opus": ("ogg", "libopus", 48_000, 32_000)}


def formed(samples: bytes, hertz: int, form: str) -> bytes:
    """`samples`: of 16 bits, one channel. `form`: `pcm` (16,000 a second), `mp3`, `ogg_opus`. Nothing of nothing."""
    import av

    if not samples:
        return b""
    if form == "pcm":
        return b"".join(
            bytes(one.planes[0])[: 2 * one.samples] for one in _frames(samples, hertz, SIXTEEN_BITS, PCM_HZ)
        )
    container, codec, rate, bits = FORMATS[form]
    made = io.BytesIO()
    with av.open(made, "w", format=container, options=BARE if form == "mp3" else {}) as file:
        stream = file.add_stream(codec, rate=rate, layout=MONO, bit_rate=bits)
        for frame in _frames(samples, hertz, stream.format.name, rate, stream.frame_size):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return made.getvalue()


def _frames(samples: bytes, hertz: int, form: str, rate: int, size: int | None = None) -> Iterator[Any]:
    import av

    frame = av.AudioFrame(format=SIXTEEN_BITS, layout=MONO, samples=len(samples) // 2)
    frame.sample_rate = hertz
    frame.planes[0].update(samples)  # without numpy, which this interpreter need not have
    resampler = av.AudioResampler(format=form, layout=MONO, rate=rate, frame_size=size)
    yield from resampler.resample(frame)
    yield from resampler.resample(None)
