"""The laptop's ears behind Transcribe: PocketSphinx, as our own container has it. Run by the laptop's cloud under its
own interpreter, a process for each recording.

`python -m local.ears FORMAT`: a recording on stdin; on stdout what was heard, a JSON list of `{word, start, end}` with
seconds. Ends with status 3 where the recording is none of that format.
"""

import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # the emulator's interpreter does not have it

from foreverus.abilities.speech_to_text.decoding import NotARecording, samples_of
from foreverus.abilities.speech_to_text.sphinx_engine import heard

NOT_A_RECORDING = 3


def main() -> None:
    try:
        samples = samples_of(sys.stdin.buffer.read(), sys.argv[1])
    except NotARecording as err:
        print(err, file=sys.stderr)
        sys.exit(NOT_A_RECORDING)
    json.dump(heard(io.BytesIO(samples)), sys.stdout)


if __name__ == "__main__":
    main()
