"""espeak-ng: it speaks Portuguese and English like a machine, and takes 20 MB. A process for each text, because it has
one state for all of a process.

`python -m foreverus.abilities.text_to_speech.espeak_engine FORMAT VOICE`: `{"text", "speed"}` on stdin, its sound on
stdout; nothing where nothing can be said.
"""

import ctypes
import json
import sys
from xml.sax.saxutils import escape

from foreverus.abilities.text_to_speech.encoding import formed

RETRIEVAL = 1  # espeak-ng hands samples over and plays nothing
UTF8, SSML = 1, 0x10
VOICES = {"pt-BR-high": "pt-br+f2", "pt-BR-low": "pt-br", "en-US-high": "en-us+f2", "en-US-low": "en-us"}


def spoken(ssml: str, voice: str) -> tuple[bytes, int]:
    """Samples of 16 bits, and how many a second. `voice`: by espeak-ng's name, `pt-br+f2`."""
    import espeakng_loader

    engine = ctypes.CDLL(espeakng_loader.get_library_path())
    hertz = engine.espeak_Initialize(RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    if hertz <= 0 or engine.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(f"espeak-ng has no voice {voice}")
    samples = bytearray()

    def add(wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if wave and count:
            samples.extend(ctypes.string_at(wave, 2 * count))
        return 0

    kept = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(add)
    engine.espeak_SetSynthCallback(kept)
    said = ssml.encode() + b"\0"
    engine.espeak_Synth(said, ctypes.c_size_t(len(said)), 0, 0, 0, UTF8 | SSML, None, None)
    engine.espeak_Synchronize()
    return bytes(samples), hertz


def ssml(text: str, speed: float) -> str:
    """Text is text: nothing in it is a tag.

    >>> ssml("1 < 2", 1.25)
    '<speak><prosody rate="125%">1 &lt; 2</prosody></speak>'
    """
    return f'<speak><prosody rate="{speed:.0%}">{escape(text)}</prosody></speak>'


def main() -> None:
    form, voice = sys.argv[1:]
    asked = json.load(sys.stdin)
    samples, hertz = spoken(ssml(asked["text"], asked["speed"]), VOICES[voice])
    sys.stdout.buffer.write(formed(samples, hertz, form))


if __name__ == "__main__":
    main()
