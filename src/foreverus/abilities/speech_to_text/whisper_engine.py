"""faster-whisper: OpenAI's Whisper on a processor, in whole numbers of eight bits. A process for each recording.

`python -m foreverus.abilities.speech_to_text.whisper_engine KIND LANGUAGE`: a recording on stdin, on stdout
`{"text", "language", "until"}`. `WHISPER_MODEL` names the folder with the weights, which the image brings.
"""

import os
import sys

from foreverus.abilities.speech_to_text.container import answer
from foreverus.abilities.speech_to_text.decoding import HERTZ, NotARecording, samples_of
from foreverus.abilities.speech_to_text.port import Transcript
from foreverus.abilities.task.programs import CANNOT

LANGUAGES = {"pt": "pt-BR", "en": "en-US"}  # by Whisper's names
MOST_SILENT = 0.6  # how sure Whisper may be that nothing is said


def heard(samples: bytes, language: str) -> Transcript:
    """`language`: `pt-BR`, `en-US` or nothing, for whichever of them is spoken."""
    import numpy
    from faster_whisper import WhisperModel

    model = WhisperModel(os.environ["WHISPER_MODEL"], device="cpu", compute_type="int8", local_files_only=True)
    wave = numpy.frombuffer(samples, numpy.int16).astype(numpy.float32) / 32768
    if not language:
        _, _, likely = model.detect_language(wave)
        language = next((LANGUAGES[name] for name, _ in likely if name in LANGUAGES), "en-US")
    pieces, _ = model.transcribe(wave, language=language[:2], vad_filter=True)
    kept = [one for one in pieces if one.no_speech_prob <= MOST_SILENT]
    return Transcript("".join(one.text for one in kept).strip(), language, max((one.end for one in kept), default=0.0))


def main() -> None:
    kind, language = sys.argv[1:]
    try:
        samples = samples_of(sys.stdin.buffer.read(), kind)
    except NotARecording as err:
        print(f"It is not the recording that it seems to be: {err}", file=sys.stderr)  # noqa: T201
        sys.exit(CANNOT)
    if len(samples) < HERTZ // 10 * 2:  # less than a tenth of a second: Whisper would make something up
        sys.stdout.write(answer(Transcript("", language or "en-US")))
        return
    sys.stdout.write(answer(heard(samples, language)))


if __name__ == "__main__":
    main()
