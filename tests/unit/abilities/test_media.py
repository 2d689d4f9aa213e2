"""What a file is, by its bytes, and how long it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.abilities.speech_to_text.media import kind_of, seconds_of
from foreverus.abilities.speech_to_text.port import MediaKind
from foreverus.errors import InvalidRequest
from tests.unit.abilities.recordings import box, mp3, mp4, wav


@pytest.mark.parametrize(
    ("data", "kind", "seconds"),
    [
        (wav(2.5), MediaKind.WAV, 2.5),
        (wav(3600, rate=1000), MediaKind.WAV, 3600),
        (mp3(12), MediaKind.MP3, 12),
        (mp4(b"soun"), MediaKind.MP4, 3),
    ],
)
def test_a_recording_is_known_and_measured(data: bytes, kind: MediaKind, seconds: float) -> None:
    assert kind_of(data) is kind
    assert seconds_of(data) == pytest.approx(seconds, rel=0.02)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (mp4(b"soun", b"vide"), "is a video"),
        (mp4(b"vide"), "is a video"),
        (b"\x1aE\xdf\xa3" + bytes(60), "is WebM"),
        (b"RIFF\0\0\0\0AVI LIST", "is a video"),
        (b"OggS" + bytes(24) + b"\x80theora", "is a video"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x89PNG\r\n", "is a picture"),
        (b"Bom dia, isto e um texto.", "no recording"),
    ],
)
def test_what_is_none_says_what_it_is(data: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as told:
        kind_of(data)
    assert told.value.param == "file"


@pytest.mark.parametrize("data", [b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS" + bytes(40), wav(0), b"ID3" + bytes(30)])
def test_what_has_no_length_holds_no_sound(data: bytes) -> None:
    kind_of(data)
    with pytest.raises(InvalidRequest, match="length"):
        seconds_of(data)


@given(st.sampled_from([wav(0.1), mp3(0.3), mp4(b"soun")]), st.data())
def test_no_broken_file_is_a_mistake_of_ours(whole: bytes, data: st.DataObject) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 8))):
        broken[data.draw(st.integers(0, min(len(broken) - 1, 200)))] = data.draw(st.integers(0, 255))
    cut = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    try:
        kind_of(cut)
        assert seconds_of(cut) > 0
    except InvalidRequest as told:
        assert told.param == "file"


def test_a_box_that_lies_about_its_size_ends_the_look() -> None:
    assert kind_of(box(b"ftyp", b"isom") + b"\0\0\0\3moov" + bytes(40)) is MediaKind.MP4
