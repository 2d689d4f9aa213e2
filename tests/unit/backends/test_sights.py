"""How much of its context an image is to the GPU's model."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends import sights
from foreverus.backends.sights import SIGHTS, ModelSight, seeing_model

SIDES = st.integers(1, 8000)


def test_examples() -> None:
    assert doctest.testmod(sights).failed == 0


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
@given(SIDES, SIDES)
def test_no_image_is_more_than_a_whole_square_of_the_largest(sight: ModelSight, width: int, height: int) -> None:
    assert 0 < sight.tokens(width, height) <= sight.tokens(8000, 8000) + sight.row_end


@pytest.mark.parametrize("family", ["pixtral", "mistral-small"])
@given(SIDES, SIDES)
def test_rows_and_columns_are_those_of_vllm(family: str, width: int, height: int) -> None:
    """(columns + 1) x rows of the image once it is no larger than `longest`, its sides rounded down (transformers'
    `get_resize_output_image_size`), rows and columns up (`_num_image_tokens`): never more than we keep free."""
    sight = SIGHTS[family]
    ratio = max(width / sight.longest, height / sight.longest)
    if ratio > 1:
        width, height = max(1, int(width / ratio)), max(1, int(height / ratio))
    columns, rows = (width - 1) // sight.square + 1, (height - 1) // sight.square + 1
    assert (columns + 1) * rows <= sight.tokens(width, height)


def test_a_family_that_nobody_knows_is_an_error_and_none_sees_nothing() -> None:
    assert seeing_model("m", "") is None
    with pytest.raises(KeyError):
        seeing_model("m", "llava")
