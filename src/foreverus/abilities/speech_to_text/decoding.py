"""A recording's samples, by FFmpeg's libraries (`av`)."""

import io

HERTZ = 16_000
CONTAINERS = {"mp3": "mp3", "mp4": "mov", "wav": "wav", "flac": "flac", "ogg": "ogg"}  # FFmpeg's names


class NotARecording(Exception):
    """None of that kind."""


def samples_of(recording: bytes, kind: str) -> bytes:
    """16,000 a second, of 16 bits, one channel. Raises NotARecording."""
    import av

    made = bytearray()
    try:
        with av.open(io.BytesIO(recording), format=CONTAINERS[kind]) as file:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=HERTZ)
            for frame in file.decode(audio=0):
                for one in resampler.resample(frame):
                    made += bytes(one.planes[0])[: 2 * one.samples]
            for one in resampler.resample(None):
                made += bytes(one.planes[0])[: 2 * one.samples]
    except (av.error.FFmpegError, IndexError) as err:
        raise NotARecording(str(err)) from err
    return bytes(made)
