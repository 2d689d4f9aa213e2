"""What a month has cost and what was used, as a person reads it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

ELSEWHERE = {"if_gpu_usd": 0.002, "if_bedrock_usd": 0.001, "if_always_on_usd": 560.0}


def used(day: str, backend: str, person: str, kind: str, tokens: int, usd: float = 0.0) -> dict:
    counts = {"messages": 2, "prompt_tokens": tokens, "completion_tokens": tokens // 2, "usd": usd}
    return {"day": day, "backend": backend, "person": person, "kind": kind, **counts, **ELSEWHERE}


def with_use(fake: FakeCloud) -> None:
    own = [
        used("2026-11-02", "bedrock", "user-1", "chat", 1_000, 0.0004),
        used("2026-11-03", "gpu", "user-1", "chat", 4_000),
    ]
    others = [used("2026-11-03", "bedrock", "others", "api", 9_000, 0.0031)]
    totals = {
        "messages": 6,
        "prompt_tokens": 14_000,
        "completion_tokens": 7_000,
        "usd": 0.0035,
        **ELSEWHERE,
    }
    own_totals = {**totals, "messages": 4, "prompt_tokens": 5_000, "completion_tokens": 2_500, "usd": 0.0004}
    rate = {"name": "gpu_tokens_per_second", "low": 452, "expected": 452, "high": 452}
    fake.month_usd = 5.25
    fake.idle = {"seconds": 1500, "usd": 0.21, "sessions": 3}
    fake.used = {
        "from": "2026-11-01",
        "to": "2026-11-04",
        "team": {"totals": totals, "groups": own + others},
        "own": {"totals": own_totals, "groups": own},
        "assumptions": [{**rate, "unit": "tokens/s", "source": "learned from 7 batches"}],
    }


def cells(page: Page, row: str) -> list[str]:
    return page.get_by_role("row", name=re.compile(f"^{row}")).get_by_role("cell").all_inner_texts()


def test_the_month_is_shown_by_day_person_backend_and_kind(page: Page, fake: FakeCloud) -> None:
    with_use(fake)
    sign_in(page, fake)
    page.get_by_role("link", name="Usage").click()
    expect(page.get_by_text("of at most $20.00 (26%)", exact=False)).to_be_visible()
    expect(page.get_by_text("would have cost $560.00 until now")).to_be_visible()
    ahead = "At this pace the month ends at $12.40 ($9.10 to $15.70): $0.40 a day, for 6 more days."
    expect(page.get_by_text(f"{ahead} The pace is the mean of the 14 days from Nov 10 to Nov 23.")).to_be_visible()
    expect(page.get_by_text("nobody asked for 25 min: $0.21 (3 sessions that are over)")).to_be_visible()
    expect(
        page.get_by_text("$14.75 of the month are neither spent nor reserved. The cap of a session is $4.00.")
    ).to_be_visible()
    expect(page.get_by_role("img", name="Tokens of each day, on the GPU and on Bedrock")).to_be_visible()
    assert cells(page, "Nov 3") == ["4", "13,000 / 6,500", "$0.0031", "$0.002", "$0.004"]
    page.get_by_role("combobox", name="By", exact=True).select_option("person")
    assert cells(page, "the others together") == ["2", "9,000 / 4,500", "$0.0031", "$0.001", "$0.002"]
    assert cells(page, "you")[0] == "4"
    page.get_by_role("combobox", name="By", exact=True).select_option("backend")
    assert cells(page, "own GPU")[0] == "2"
    page.get_by_label("Whose").select_option("own")
    assert cells(page, "Amazon Bedrock") == ["2", "1,000 / 500", "$0.0004", "$0.001", "$0.002"]
    assert cells(page, "Total")[0] == "4"
    page.get_by_text("What this is reckoned with").click()
    expect(page.get_by_text("learned from 7 batches", exact=False)).to_be_visible()


def test_it_comes_as_a_spreadsheet_that_runs_nothing(page: Page, fake: FakeCloud) -> None:
    with_use(fake)
    fake.used["team"]["groups"].append(used("2026-11-04", "gpu", '=cmd|"/c calc"!A1', "chat", 10))
    sign_in(page, fake)
    page.get_by_role("link", name="Usage").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "foreverus-2026-11-01-2026-11-04.csv"
    lines = Path(download.value.path()).read_bytes().decode().split("\r\n")
    assert lines[0].startswith("day,backend,person,kind,messages")
    assert lines[1] == "2026-11-02,bedrock,user-1,chat,2,1000,500,0.0004,0.002,0.001"
    assert lines[4].startswith('2026-11-04,gpu,"\'=cmd|""/c calc""!A1",chat')


def test_it_speaks_portuguese(page: Page, fake: FakeCloud) -> None:
    with_use(fake)
    sign_in(page, fake)
    page.get_by_role("button", name="Português").click()
    page.get_by_role("link", name="Uso").click()
    expect(page.get_by_role("heading", name="Uso e custo deste mês")).to_be_visible()
    page.get_by_role("combobox", name="Por", exact=True).select_option("kind")
    assert cells(page, "programas")[1] == "9.000 / 4.500"


def test_a_guess_and_a_month_that_reaches_its_cap_say_so_in_portuguese(page: Page, fake: FakeCloud) -> None:
    with_use(fake)
    fake.forecast |= {"enough": False, "days": 1, "from": "2026-11-02", "passes_cap_on": "2026-11-28"}
    sign_in(page, fake)
    page.get_by_role("button", name="Português").click()
    page.get_by_role("link", name="Uso").click()
    expect(page.get_by_text("É um palpite: ainda há poucos dias para calcular.")).to_be_visible()
    expect(page.get_by_text("O limite seria atingido em 28 de nov.", exact=False)).to_be_visible()


@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
@pytest.mark.parametrize("width", [320, 360])
def test_on_a_phone_nothing_of_the_table_has_to_be_scrolled_to(
    browser: Browser, fake: FakeCloud, language: str, width: int
) -> None:
    with_use(fake)
    fake.used["team"]["totals"]["usd"] = 1234.5678
    page = browser.new_context(locale=language, viewport={"width": width, "height": 740}).new_page()
    page.goto(fake.url)
    page.locator("button.primary").click()
    expect(page.locator("#message")).to_be_visible()
    page.evaluate("location.hash = '#u'")
    table = page.locator(".usage .table")
    expect(table.locator("tfoot td").first).to_be_visible()
    wide = "(box) => [box, ...box.querySelectorAll('td, th')].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert table.evaluate(wide) == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()
