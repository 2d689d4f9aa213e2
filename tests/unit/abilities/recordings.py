"""Recordings made here, byte by byte: nothing is downloaded and nothing is encoded."""

import io
import struct
import wave


def wav(seconds: float, rate: int = 8000) -> bytes:
    """Silence."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes([128]) * int(seconds * rate))
    return made.getvalue()


def mp3(seconds: float) -> bytes:
    """Silence: frames of MPEG-2 layer III, 8 kbit/s, 24 kHz, one channel: 576 samples in 24 bytes."""
    frame = bytes.fromhex("fff314c4") + bytes(20)
    return frame * int(seconds * 24_000 / 576)


def mp4(*handlers: bytes, seconds: int = 3) -> bytes:
    """An MP4 with a track of each kind, and no sample in it."""
    header = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 1000 * seconds) + bytes(80))
    tracks = (box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + one + bytes(13)))) for one in handlers)
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", header + b"".join(tracks))


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body
