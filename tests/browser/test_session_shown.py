"""What the page says of the GPU, its time and its cost, in a real browser against a scripted cloud."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, sign_in, start_answer, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud, instant

pytestmark = pytest.mark.browser


WRONG_CLOCK = """
const right = Date.now;
Date.now = () => right() + %d;
globalThis.Date = new Proxy(Date, {construct: (date, given) => new date(...(given.length ? given : [Date.now()]))});
"""


def test_who_switches_a_gpu_off_sees_whose_work_is_in_it(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    off = page.get_by_role("button", name="Switch off the GPU")
    expect(off).to_be_visible()
    others = {"id": None, "owner": "somebody_else", "lines": 60, "lines_left": 24, "goes_on": True}
    fake.work = {"messages": {"yours": 0, "of_others": 2}, "batches": [others]}
    off.click()
    asked = page.get_by_role("alertdialog", name="Work is waiting on this GPU:")
    expect(asked).to_contain_text("Other people's batches: 1, with 24 lines left. They go on later, elsewhere.")
    expect(asked).to_contain_text("2 of other people's messages")
    asked.get_by_role("button", name="Leave it on").click()
    expect(asked).to_have_count(0)
    assert not [one for one in fake.requests if one[0] == "DELETE"]
    off.click()
    asked.get_by_role("button", name="Switch off all the same").click()
    expect(asked).to_have_count(0)
    expect(page.get_by_text("Batches of other people that go on: 1")).to_be_visible()
    assert len([one for one in fake.requests if one[0] == "DELETE"]) == 1


def test_who_switches_a_gpu_off_hears_what_becomes_of_their_own_question(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    off = page.get_by_role("button", name="Switch off the GPU")
    expect(off).to_be_visible()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    answer = start_answer(page, fake)
    expect(answer_to(page)).to_contain_text("queued: it will be answered when the GPU is ready")
    fake.work = {"messages": {"yours": 1, "of_others": 0}, "batches": []}
    off.click()
    asked = page.get_by_role("alertdialog", name="Work is waiting on this GPU:")
    expect(asked).to_contain_text("1 of your messages wait or are being answered")
    asked.get_by_role("button", name="Switch off all the same").click()
    expect(page.get_by_text("1 of your messages may end unanswered")).to_be_visible()
    expect(answer_to(page)).to_contain_text("queued, and the GPU is switching off")
    error = {"code": "SessionEndRequested", "message": "ended"}
    fake.finish(answer, "", status="failed", error=error)
    expect(answer_to(page)).to_contain_text("switched off before it was done")
    page.get_by_role("button", name="Ask again").click()
    expect(answer_to(page)).to_contain_text("queued")
    assert [one["content"] for one in fake.answers()][-1] == ""


COMPARED = {
    "en": [
        ("Until it was ready", "5 min 00 s"),
        ("Ready, and nobody asked", "20 min 00 s · $0.1387"),
        ("The same tokens on Bedrock", "< $0.0001"),
        ("A GPU that is never switched off, a day", "$19.32"),
        ("Price from", "spot price history of us-east-1a"),
    ],
    "pt": [
        ("Tempo até ficar pronta", "5 min 00 s"),
        ("Pronta, mas sem uso", "20 min 00 s · US$ 0,1387"),
        ("Os mesmos tokens no Bedrock", "< US$ 0,0001"),
        ("Uma GPU que nunca é desligada, por dia", "US$ 19,32"),
        ("Origem do preço", "histórico de preços spot de us-east-1a"),
    ],
}
PARTS = ("gpu_usd", "storage_usd", "address_usd", "database_usd", "bedrock_usd")


@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_receipt_adds_up_and_compares(page: Page, fake: FakeCloud, language: str) -> None:
    sums = dict(zip(PARTS, (0.400049, 0.010960, 0.005009, 0.011549, 0.000044), strict=True))
    receipt = {
        **{"session_id": "ses_1", "instance_id": "i-1", "instance_type": "g6.xlarge", "lifecycle": "spot"},
        **{"region": "us-east-1", "launches": 1, "launched_at": instant(-60), "terminated_at": instant()},
        **{"instance_seconds": 3600, "instance_minutes": 60, "price_per_hour_usd": 0.4, "bedrock_messages": 1},
        **{"price_source": "spot price history of us-east-1a", "prompt_tokens": 10, "completion_tokens": 90},
        **{"messages": 2, "boot_seconds": 300, "idle_seconds": 1200, "idle_usd": 0.138653, "if_bedrock_usd": 0.00002},
        **{"always_on_day_usd": 19.32, **sums, "total_usd": round(sum(sums.values()), 6)},
    }
    fake.start_session()
    (session_id,) = fake.sessions
    fake.set_session(session_id, status="ended", outcome="idle", ended_at=instant(), receipt=receipt)
    sign_in(page, fake)
    page.get_by_role("button", name="Português" if language == "pt" else "English").click()
    shown = page.get_by_role("region", name="Recibo" if language == "pt" else "Receipt")
    for name, value in COMPARED[language]:
        expect(shown).to_contain_text(re.compile(rf"{re.escape(name)}:?\s*{re.escape(value)}".replace("\\ ", "\\s")))
    rows = dict(line.split("\n", 1) for line in shown.locator("dl").first.locator("div").all_inner_texts())
    money = [
        float(re.sub(r"[^\d.]", "", one.replace(",", "."))) for one in rows.values() if one.startswith(("$", "US$"))
    ]
    hourly, *parts, total = money
    assert hourly == 0.4 and len(parts) == len(PARTS)
    assert round(sum(parts), 4) == total == 0.4276


@pytest.mark.parametrize("wrong_hours", [1, -3])
def test_time_and_cost_follow_the_servers_clock(page: Page, fake: FakeCloud, wrong_hours: int) -> None:
    page.add_init_script(WRONG_CLOCK % (wrong_hours * 3_600_000))
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launched = instant(minutes=-30)
    spend = {
        "gpu_usd_per_hour": 0.4,
        "usd_per_hour": 0.4,
        "launches": [{"launched_at": launched, "gpu_usd_per_hour": 0.4}],
    }
    fake.set_session(session_id, status="serving", launched_at=launched, spend=spend)
    region = page.get_by_role("region", name="GPU", exact=True)
    expect(region).to_contain_text(re.compile(r"(29|3\d) min \d\d s"))  # the test may take some minutes
    expect(region).to_contain_text(re.compile(r"\$0\.(19|2[0-6])"))


def test_old_news_of_a_session_changes_nothing(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("heading", name="Renting a GPU")).to_be_visible()
    session_id = next(iter(fake.sessions))
    wait_for_subscription(page, fake, f"session:{session_id}")
    old = dict(fake.sessions[session_id])
    instance = {"id": "i-1", "type": "g6.xlarge", "lifecycle": "spot", "availability_zone": "us-east-1a"}
    fake.add_phase(session_id, "loading", status="booting", launched_at=instant(), instance=instance)
    expect(page.get_by_role("heading", name="GPU is on, preparing the model")).to_be_visible()
    expect(page.get_by_role("progressbar", name="GPU boot")).to_be_visible()
    fake.push(f"session:{session_id}", {"type": "session", "session": old})
    fake.add_phase(session_id, "healthy", status="serving", healthy_at=instant())
    expect(page.get_by_role("heading", name="GPU is on and answering")).to_be_visible()
    fake.push(f"session:{session_id}", {"type": "session", "session": old})
    fake.set_session(session_id, end_requested=True)
    expect(page.get_by_role("heading", name="GPU is switching off")).to_be_visible()
    expect(page.get_by_role("button", name="Switching off…")).to_be_disabled()
    error = {"code": "NoGpuCapacity", "message": "none"}
    fake.set_session(session_id, status="failed", ended_at=instant(), error=error)
    region = page.get_by_role("region", name="GPU", exact=True)
    expect(region).to_contain_text("No GPU is on")
    expect(region).to_contain_text("AWS has no free GPU right now")


def test_answer_of_bedrock_says_so_and_the_receipt_has_its_price(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    session_id = next(iter(fake.sessions))
    wait_for_subscription(page, fake, f"session:{session_id}")
    answer = start_answer(page, fake)
    fake.finish(answer, "A line that is kept in order.", backend="bedrock", session_id=session_id)
    expect(answer_to(page)).to_contain_text("Amazon Bedrock")
    error = {"code": "GpuQuotaExceeded", "message": "none"}
    spent = {"bedrock_usd": 0.0012, "bedrock_messages": 1, "messages": 1, "total_usd": 0.0012}
    receipt = {"session_id": session_id, "instance_minutes": 0, "prompt_tokens": 30, "completion_tokens": 9, **spent}
    fake.set_session(session_id, status="failed", ended_at=instant(), error=error, receipt=receipt)
    expect(page.get_by_role("region", name="GPU", exact=True)).to_contain_text("GPU quota does not allow it")
    expect(page.get_by_role("region", name="Receipt")).to_contain_text(re.compile(r"Amazon Bedrock\s*\$0\.0012"))


def test_answer_that_was_made_without_the_oldest_messages_says_so(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.finish(answer, "A line that is kept in order.", trimmed_messages=24)
    expect(answer_to(page)).to_contain_text("Answered without the oldest messages (24 or more)")
    page.get_by_role("button", name="Português").click()
    expect(page.get_by_text("Respondida sem as mensagens mais antigas (24 ou mais)")).to_be_visible()


def test_live_session_is_joined_and_seen_by_who_comes_later(page: Page, fake: FakeCloud) -> None:
    fake.start_session()
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Renting a GPU")).to_be_visible()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_enabled()
    expect(page).to_have_title(re.compile("GPU starting"))


def test_session_that_nears_its_cap_says_so_with_its_exact_cost(page: Page, fake: FakeCloud) -> None:
    fake.month_usd = 17.25
    sign_in(page, fake)
    expect(page.get_by_text("This month: $17.25 of at most $20.00.")).to_be_visible()
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launches = [{"launched_at": instant(), "gpu_usd_per_hour": 0.4}]
    spend = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.416, "launches": launches}
    fake.set_session(session_id, status="serving", launched_at=instant(), spend=spend)
    expect(page.get_by_text("Cost so far")).to_be_visible()
    expect(page.get_by_text("$0.0069", exact=True)).to_be_visible()  # the minute that EC2 bills at least
    expect(page.get_by_text("This session: $0.0069 of at most $4.00 (0%)")).to_be_visible()
    fake.set_session(session_id, spend={**spend, "notice": 80, "notice_cap": "session"})
    expect(page.get_by_role("alert").filter(has_text="80 % of a spend cap")).to_be_visible()


IDLE = {
    "pauses": ({"shorter": 4, "pauses": 10, "restart_seconds": 420}, 90),
    "few_known": ({"shorter": 0, "pauses": 2, "restart_seconds": 480}, 150),
    "unused": ({"shorter": 0, "pauses": 0, "restart_seconds": 0}, 300),
    "bedrock_cheaper": ({"gpu_usd_per_hour": 0.4, "bedrock_usd_per_hour": 0.02}, 60),
}
SAID = {
    "en": {
        "pauses": "4 of the last 10 pauses at such times were shorter; starting again costs as much as 7 min",
        "few_known": "Only few pauses at such times are known yet (2)",
        "unused": "Nobody has asked it anything yet",
        "bedrock_cheaper": "An hour like the last one costs $0.02",
    },
    "pt": {
        "pauses": "4 das últimas 10 pausas em horários como este foram mais curtas; ligar de novo",
        "few_known": "Ainda há poucas pausas registradas em horários como este (2)",
        "unused": "Ninguém perguntou nada ainda",
        "bedrock_cheaper": "Uma hora como a última sai por US$",
    },
}


@pytest.mark.parametrize("language", SAID)
def test_how_long_a_gpu_stays_on_is_said_with_its_reason(page: Page, fake: FakeCloud, language: str) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    page.get_by_role("button", name="Português" if language == "pt" else "English").click()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    for reason, (numbers, seconds) in IDLE.items():
        idle = {"seconds": seconds, "reason": reason, "text": "in English", "numbers": numbers}
        fake.set_session(session_id, status="serving", healthy_at=instant(0), idle_seconds=None, idle=idle)
        strip = page.locator("[data-home=gpu]")
        expect(strip).to_contain_text(SAID[language][reason])
        expect(strip).not_to_contain_text("in English")
