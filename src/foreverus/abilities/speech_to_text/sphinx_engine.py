"""PocketSphinx with the English model that its package brings: small, quick, and wrong about as many words as it is
right. A process for each recording.

`python -m foreverus.abilities.speech_to_text.sphinx_engine KIND LANGUAGE`: a recording on stdin, on stdout
`{"text", "language", "until"}`.
"""

import io
import re
import sys
from typing import BinaryIO

from foreverus.abilities.speech_to_text.container import answer
from foreverus.abilities.speech_to_text.decoding import HERTZ, NotARecording, samples_of
from foreverus.abilities.speech_to_text.port import Transcript
from foreverus.abilities.task.programs import CANNOT

ENGLISH = "en-US"
QUIET_S = 0.3
FRAMES_PER_S = 100  # of the engine, in which it says where a word begins
_A_WORD = re.compile(r"[a-z][a-z'.]*")  # others are silence, breath and the sentence's ends


def heard(samples: BinaryIO) -> list[dict[str, object]]:
    """`{word, start, end}`, in seconds."""
    from pocketsphinx import Decoder, Segmenter

    # What is digitally silent between its words misleads the engine: it adds noise, and has quiet around each part.
    engine, words = Decoder(samprate=HERTZ, loglevel="FATAL", dither=True), []
    quiet = bytes(2 * int(QUIET_S * HERTZ))
    for speech in Segmenter(sample_rate=HERTZ).segment(samples):
        engine.start_utt()
        engine.process_raw(quiet + speech.pcm + quiet, full_utt=True)
        engine.end_utt()
        for one in engine.seg() or ():
            word = re.sub(r"\(\d+\)$", "", one.word)
            if _A_WORD.fullmatch(word):
                begin, end = (
                    speech.start_time - QUIET_S + at / FRAMES_PER_S for at in (one.start_frame, one.end_frame)
                )
                words.append({"word": word, "start": round(max(0.0, begin), 2), "end": round(max(0.0, end), 2)})
    return words


def refused(why: str) -> None:
    print(why, file=sys.stderr)  # noqa: T201
    sys.exit(CANNOT)


def main() -> None:
    kind, language = sys.argv[1:]
    if language not in ("", ENGLISH):
        refused(f"The engine that listens here understands {ENGLISH} alone, not {language}.")
    try:
        samples = samples_of(sys.stdin.buffer.read(), kind)
    except NotARecording as err:
        refused(f"It is not the recording that it seems to be: {err}")
        return
    words = heard(io.BytesIO(samples))
    until = max((float(str(one["end"])) for one in words), default=0.0)
    text = " ".join(str(one["word"]) for one in words)
    sys.stdout.write(answer(Transcript(text, ENGLISH, until)))


if __name__ == "__main__":
    main()
