"""The laptop's ears: PocketSphinx with its English model. Run by the laptop's cloud under its own interpreter, a
process for each recording.

`python -m local.ears FORMAT`: a recording on stdin; on stdout what was heard, a JSON list of `{word, start, end}` with
seconds. Ends with status 3 where the recording is none of that format.
"""

import io
import json
import re
import sys
from typing import BinaryIO

NOT_A_RECORDING = 3
HERTZ = 16_000
QUIET_S = 0.3
FRAMES_PER_S = 100  # of the engine, in which it says where a word begins
CONTAINERS = {"mp3": "mp3", "mp4": "mov", "wav": "wav", "flac": "flac", "ogg": "ogg"}  # FFmpeg's names
_A_WORD = re.compile(r"[a-z][a-z'.]*")  # others are silence, breath and the sentence's ends


def samples_of(recording: bytes, form: str) -> bytes:
    """16,000 a second, of 16 bits, one channel. Raises whatever FFmpeg does."""
    import av

    made = bytearray()
    with av.open(io.BytesIO(recording), format=CONTAINERS[form]) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=HERTZ)
        for frame in file.decode(audio=0):
            for one in resampler.resample(frame):
                made += bytes(one.planes[0])[: 2 * one.samples]
        for one in resampler.resample(None):
            made += bytes(one.planes[0])[: 2 * one.samples]
    return bytes(made)


def heard(samples: BinaryIO) -> list[dict[str, object]]:
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


def main() -> None:
    import av

    try:
        samples = samples_of(sys.stdin.buffer.read(), sys.argv[1])
    except (av.error.FFmpegError, IndexError) as err:
        print(err, file=sys.stderr)
        sys.exit(NOT_A_RECORDING)
    json.dump(heard(io.BytesIO(samples)), sys.stdout)


if __name__ == "__main__":
    main()
