"""The laptop's voice behind Polly: espeak-ng, as our own container has it. Run by the laptop's cloud under its own
interpreter, a process for each text, because the engine has one state for all of a process.

`python -m local.voice FORMAT VOICE`: SSML on stdin, its sound on stdout; nothing where nothing can be said. FORMAT by
Polly's name, VOICE by espeak-ng's.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # the emulator's interpreter does not have it

from foreverus.abilities.text_to_speech.encoding import formed
from foreverus.abilities.text_to_speech.espeak_engine import spoken


def main() -> None:
    form, voice = sys.argv[1:]
    samples, hertz = spoken(sys.stdin.buffer.read().decode(), voice)
    sys.stdout.buffer.write(formed(samples, hertz, form))


if __name__ == "__main__":
    main()
