"""What the page believes of the API is what the API says."""

from tests.unit.api.openapi.page_types import MADE, page_types


def test_the_pages_types_are_made_of_the_document() -> None:
    assert MADE.read_text(encoding="utf-8") == page_types(), "run `make page-types`: the API's shapes have changed"
