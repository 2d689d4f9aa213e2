"""The laptop's voice: espeak-ng speaks Portuguese and English. Run by the laptop's cloud under its own interpreter, a
process for each text, because the engine has one state for all of a process.

`python -m local.voice FORMAT VOICE`: SSML on stdin, its sound on stdout; nothing where nothing can be said.
"""

import ctypes
import io
import sys
from collections.abc import Iterator

RETRIEVAL = 1  # espeak-ng hands samples over and plays nothing
UTF8, SSML = 1, 0x10
MONO, SIXTEEN_BITS = "mono", "s16"
PCM_HZ = 16_000
# Of each format: the container, the codec, its samples a second, its bits a second.
BARE = {"write_xing": "0", "id3v2_version": "0"}  # of mp3: frames alone, as Polly sends them
FORMATS = {"mp3": ("mp3", "libmp3lame", 24_000, 48_000), "ogg_opus": ("ogg", "libopus", 48_000, 32_000)}


def spoken(text: str, voice: str) -> tuple[bytes, int]:
    """Samples of 16 bits, and how many a second. `voice`: by espeak-ng's name, `pt-br+f2`."""
    import espeakng_loader

    engine = ctypes.CDLL(espeakng_loader.get_library_path())
    hertz = engine.espeak_Initialize(RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    if hertz <= 0 or engine.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(f"espeak-ng has no voice {voice}")
    samples = bytearray()

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def add(wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if wave and count:
            samples.extend(ctypes.string_at(wave, 2 * count))
        return 0

    engine.espeak_SetSynthCallback(add)
    said = text.encode() + b"\0"
    engine.espeak_Synth(said, ctypes.c_size_t(len(said)), 0, 0, 0, UTF8 | SSML, None, None)
    engine.espeak_Synchronize()
    return bytes(samples), hertz


def formed(samples: bytes, hertz: int, form: str) -> bytes:
    """In Polly's formats: `pcm`, `mp3`, `ogg_opus`."""
    import av

    if form == "pcm":
        return b"".join(bytes(one.planes[0])[: 2 * one.samples] for one in frames(samples, hertz, SIXTEEN_BITS, PCM_HZ))
    container, codec, rate, bits = FORMATS[form]
    made = io.BytesIO()
    with av.open(made, "w", format=container, options=BARE if form == "mp3" else {}) as file:
        stream = file.add_stream(codec, rate=rate, layout=MONO, bit_rate=bits)
        wanted = stream.format.name
        for frame in frames(samples, hertz, wanted, rate, stream.frame_size):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return made.getvalue()


def frames(samples: bytes, hertz: int, form: str, rate: int, size: int | None = None) -> "Iterator[object]":
    import av

    frame = av.AudioFrame(format=SIXTEEN_BITS, layout=MONO, samples=len(samples) // 2)
    frame.sample_rate = hertz
    frame.planes[0].update(samples)  # without numpy, which this interpreter need not have
    resampler = av.AudioResampler(format=form, layout=MONO, rate=rate, frame_size=size)
    yield from resampler.resample(frame)
    yield from resampler.resample(None)


def main() -> None:
    form, voice = sys.argv[1:]
    samples, hertz = spoken(sys.stdin.buffer.read().decode(), voice)
    sys.stdout.buffer.write(formed(samples, hertz, form) if samples else b"")


if __name__ == "__main__":
    main()
