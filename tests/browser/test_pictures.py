"""The README's pictures can be taken: what they show is reached by clicks, and each is small."""

import pytest
from playwright.sync_api import Browser

from tests.browser.pictures import MOST_BYTES, picture
from tests.browser.scenes import SCENES

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_is_taken(browser: Browser, name: str) -> None:
    made = picture(browser, name)
    assert made[:4] + made[8:12] == b"RIFFWEBP"
    assert 5_000 < len(made) <= MOST_BYTES
