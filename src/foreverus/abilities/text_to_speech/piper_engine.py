"""Piper: voices that sound like people, of 60 MB each, on a processor. A process for each text: Piper is under the GPL,
and is nobody's library here.

`python -m foreverus.abilities.text_to_speech.piper_engine FORMAT VOICE`: `{"text", "speed"}` on stdin, its sound on
stdout. `PIPER_VOICES` names the folder with the voices, which the image brings.
"""

import json
import os
import sys
from pathlib import Path

from foreverus.abilities.text_to_speech.encoding import formed

# Piper has no high voice of Brazilian Portuguese. https://huggingface.co/rhasspy/piper-voices
VOICES = {
    "pt-BR-high": "pt_BR-faber-medium",
    "pt-BR-low": "pt_BR-faber-medium",
    "en-US-high": "en_US-amy-medium",
    "en-US-low": "en_US-joe-medium",
}


def spoken(text: str, voice: str, speed: float) -> tuple[bytes, int]:
    """Samples of 16 bits, and how many a second."""
    from piper import PiperVoice, SynthesisConfig

    reader = PiperVoice.load(Path(os.environ["PIPER_VOICES"]) / f"{VOICES[voice]}.onnx")
    asked = SynthesisConfig(length_scale=1 / speed)
    pieces = b"".join(piece.audio_int16_bytes for piece in reader.synthesize(text, syn_config=asked))
    return pieces, reader.config.sample_rate


def main() -> None:
    form, voice = sys.argv[1:]
    asked = json.load(sys.stdin)
    samples, hertz = spoken(asked["text"], voice, asked["speed"])
    sys.stdout.buffer.write(formed(samples, hertz, form))


if __name__ == "__main__":
    main()
