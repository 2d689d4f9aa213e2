"""Nothing moves under a person's eyes while the page gets what it asks for by itself."""

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.driving import ASKED_BY_ITSELF
from tests.browser.fake_cloud import FakeCloud, instant
from tests.browser.shifts import shifts, watch_shifts
from tests.browser.test_usage_page import with_use

pytestmark = pytest.mark.browser

GOOD = 0.1  # of the cumulative layout shift: web.dev/articles/cls
LATEST_S = 0.5


def is_new(fake: FakeCloud) -> None:
    """Nobody has written here yet."""


def has_written(fake: FakeCloud) -> None:
    fake.have_conversations(*(f"Conversation {n}" for n in range(30)))


def has_gpu(fake: FakeCloud) -> None:
    has_written(fake)
    fake.start_session()
    (session_id,) = fake.sessions
    launched = {"launched_at": instant(minutes=-3), "gpu_usd_per_hour": 0.4}
    spend = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.42, "launches": [launched]}
    fake.set_session(session_id, status="serving", launched_at=launched["launched_at"], spend=spend)


@pytest.fixture(params=["en-US", "pt-BR"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


SIZES = [(360, 800), (721, 600), (800, 800), (1280, 800)]  # one of them low: there the GPU is one line


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def tab(request: pytest.FixtureRequest, browser: Browser, language: str) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(locale=language, viewport={"width": width, "height": height})
    page = context.new_page()
    watch_shifts(page)
    yield page
    context.close()


def sign_in_until_all_is_there(page: Page, fake: FakeCloud, link: str = "", there: str = "#message") -> None:
    """`link`: to where in the page somebody has come; `there`: what shows that they are."""
    page.goto(fake.url + link)
    page.locator("button.primary").click()
    page.locator(there).first.wait_for()
    for path in ASKED_BY_ITSELF:
        while ("GET", f"/v1{path}") not in fake.requests:
            page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")


def check(page: Page) -> None:
    moved = shifts(page)
    total = sum(one.value for one in moved)
    told = "\n".join(f"{one.value:.4f} {'; '.join(one.sources)}" for one in moved)
    assert total < GOOD, f"{total:.3f} in all:\n{told}"


@pytest.mark.parametrize("person", [is_new, has_written, has_gpu])
def test_what_comes_after_sign_in_moves_nothing(tab: Page, fake: FakeCloud, person) -> None:  # type: ignore[no-untyped-def]
    person(fake)
    sign_in_until_all_is_there(tab, fake)
    check(tab)


@pytest.mark.parametrize("person", [is_new, has_written, has_gpu])
def test_nor_does_what_comes_late_and_in_any_order(tab: Page, fake: FakeCloud, person) -> None:  # type: ignore[no-untyped-def]
    person(fake)
    chance = random.Random(tab.viewport_size["width"])  # type: ignore[index]
    fake.late = lambda: chance.uniform(0, LATEST_S)
    sign_in_until_all_is_there(tab, fake)
    check(tab)


AREAS = {"usage": ("#u", ".usage table"), "batches": ("#b", ".drop"), "preferences": ("#p", ".my-data .danger")}


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
def test_nor_where_a_link_has_led_elsewhere(tab: Page, fake: FakeCloud, area: str, is_late: bool) -> None:
    has_written(fake)
    with_use(fake)
    fake.batches.add_batch(1_790_000_000, "enem.jsonl")
    chance = random.Random(tab.viewport_size["width"])  # type: ignore[index]
    if is_late:
        fake.late = lambda: chance.uniform(0, LATEST_S)
    link, there = AREAS[area]
    sign_in_until_all_is_there(tab, fake, link, there)
    check(tab)
