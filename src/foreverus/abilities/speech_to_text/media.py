"""What a file is and how long it is, by its bytes: its name and what a client calls it say nothing. Pure.

tinytag reads the length. It believes a file's own headers: of one that lies, what was heard after its end is counted
when the transcript is there.
"""

import io
from collections.abc import Iterator

from foreverus.abilities.speech_to_text.port import MediaKind
from foreverus.errors import InvalidRequest

TAKEN = "Send MP3, MP4 or M4A without a picture, WAV, FLAC, or Ogg with Opus or Vorbis."
_INSIDE = (b"moov", b"trak", b"mdia")  # boxes of an MP4 in which its tracks stand
_VIDEOS = {
    b"\x1aE\xdf\xa3": "WebM or Matroska",
    b"\x00\x00\x01\xba": "an MPEG video",
    b"\x00\x00\x01\xb3": "an MPEG video",
    b"FLV\x01": "a Flash video",
}
_OTHERS = {
    b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"GIF8": "a picture",
    b"PK\x03\x04": "an archive", b"\x1f\x8b": "an archive",
}  # fmt: skip


def kind_of(data: bytes) -> MediaKind:
    """Raises InvalidRequest that says what the file is instead, where that is known."""
    if not data:
        raise _rejected("is empty")
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return MediaKind.WAV
    if data[:4] == b"fLaC":
        return MediaKind.FLAC
    if data[:4] == b"OggS":
        if b"\x80theora" in data[:512]:
            raise _rejected("is a video (Ogg with Theora)")
        return MediaKind.OGG
    if data[4:8] == b"ftyp":
        if b"vide" in _handlers(data):
            raise _rejected("is a video (MP4 with a track of pictures)")
        return MediaKind.MP4
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return MediaKind.MP3
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        raise _rejected("is a video (AVI)")
    for start, what in (_VIDEOS | _OTHERS).items():
        if data.startswith(start):
            raise _rejected(f"is {what}")
    raise _rejected("is no recording that is known here")


def seconds_of(data: bytes) -> float:
    """Of a file whose kind is known. Raises InvalidRequest where it does not say."""
    from tinytag import TinyTag, TinyTagException

    try:
        found = TinyTag.get(file_obj=io.BytesIO(data), tags=False).duration
    except (TinyTagException, ValueError, OverflowError, ArithmeticError, LookupError) as err:
        raise _rejected("is broken: its length cannot be read") from err
    if not found or found <= 0:
        raise _rejected("holds no sound: its length is nothing, or cannot be read")
    return float(found)


def _rejected(what: str) -> InvalidRequest:
    return InvalidRequest(f"The field 'file' cannot be listened to: it {what}. {TAKEN}", "file", "invalid_field")


def _handlers(data: bytes) -> set[bytes]:
    """What the tracks of an MP4 are: `soun`, `vide`, … (ISO/IEC 14496-12, 8.4.3)."""
    return {body[8:12] for kind, body in _boxes(data) if kind == b"hdlr"}


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Of the file and inside its tracks, as far as they are whole."""
    at = 0
    while at + 8 <= len(data):
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)
        if end < at + header:
            return
        body = data[at + header : end]
        yield kind, body
        if kind in _INSIDE:
            yield from _boxes(body)
        at = end
