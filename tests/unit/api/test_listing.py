"""Lists are given out a part at a time, as OpenAI's clients ask for them."""

import pytest

from foreverus.api.listing import Listing, read_listing
from foreverus.errors import InvalidRequest

NUMBERS = [9, 8, 7, 6, 5]


def named(number: int) -> str:
    return f"n_{number:028x}"


def fetch(limit: int, after: str) -> list[int]:
    return [number for number in NUMBERS if not after or named(number) < after][:limit]


def show(number: int) -> dict[str, object]:
    return {"id": str(number)}


def test_there_is_more_behind_a_part_until_there_is_not() -> None:
    first = read_listing(fetch, {"limit": "3"}, "n")
    assert first == Listing([9, 8, 7], has_more=True)
    assert read_listing(fetch, {"limit": "2", "after": named(7)}, "n") == Listing([6, 5], has_more=False)
    assert read_listing(fetch, {}, "n") == Listing(NUMBERS, has_more=False)


def test_what_openai_clients_page_by() -> None:
    nothing = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert Listing([], has_more=False).openai_body(show) == nothing
    made = Listing([2, 1], has_more=True).openai_body(show)
    assert (made["first_id"], made["last_id"], made["has_more"]) == ("2", "1", True)


def test_our_own_lists_have_no_ends() -> None:
    assert Listing([1], has_more=False).body(show) == {"object": "list", "data": [{"id": "1"}], "has_more": False}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"limit": "1.0"},
        {"limit": "١"},
        {"after": ""},
        {"after": "nope"},
        {"after": "m_0000000000000000000000000009"},
        {"page": "2"},
    ],
)
def test_a_wrong_query_is_named(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_listing(fetch, query, "n")
    assert caught.value.param == next(iter(query))


def test_an_id_that_is_gone_still_marks_its_place() -> None:
    gone = f"n_{0x7F:028x}"
    assert read_listing(fetch, {"after": gone}, "n") == Listing(NUMBERS, has_more=False)
