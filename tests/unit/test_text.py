"""What of people's text can be kept, shown and passed on."""

import pytest

from foreverus import text
from foreverus.api import schemas
from foreverus.errors import InvalidRequest

BLANK = [" ", "\t\n", "\u00a0", "\u3000", "\u200b\u200d", "\ufeff", "\u0000", "\u2060 \u00ad", "\u3164", "\U000e0041"]


@pytest.mark.parametrize("blank", BLANK)
def test_what_cannot_be_seen_is_no_message_and_no_name(blank: str) -> None:
    assert text.is_blank(blank)
    for schema, field, others in (
        ("message_create", "content", {}),
        ("key_create", "name", {}),
        ("file_create", "filename", {"purpose": "batch", "bytes": 1}),
    ):
        with pytest.raises(InvalidRequest) as caught:
            schemas.check(schema, {field: blank, **others})
        assert (caught.value.param, caught.value.reason) == (field, "invalid_field")
        assert "blank" in caught.value.message
        assert schemas.check(schema, {field: f"{blank}.", **others})


def test_halves_that_belong_together_are_one_character() -> None:
    assert text.whole("\ud83d\ude00 \ud83d") == "😀 \ufffd"
    assert text.half_character("a\ud83d") == 1
    assert text.for_postgresql("a\u0000b") == "a\ufffdb"


def test_the_schemas_mean_the_same_by_blank() -> None:
    may_be_empty = f"^$|{text.VISIBLE}"  # beside an image
    assert schemas.schema("message_create")["properties"]["content"]["pattern"] == may_be_empty
    assert schemas.schema("file_create")["properties"]["filename"]["pattern"] == text.VISIBLE
    assert schemas.schema("key_create")["properties"]["name"]["pattern"] == text.VISIBLE
