"""What a session comes to, as a picture and as a table; when it will be ready; who asked is told that it is."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from foreverus.sessions.refused import RefusedPool
from tests.browser.driving import sign_in, standing, start_answer, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud, instant
from tests.browser.fake_sessions import BOOTS

pytestmark = pytest.mark.browser

NO_CAPACITY, QUOTA = "InsufficientInstanceCapacity", "MaxSpotInstanceCountExceeded"
POOLS = (
    ("g6.xlarge", "us-east-1a", NO_CAPACITY, "NoGpuCapacity"),
    ("g6.xlarge", "us-east-1b", NO_CAPACITY, "NoGpuCapacity"),
    ("g5.xlarge", "us-east-1c", QUOTA, "GpuQuotaExceeded"),
)
INSTANCE = {"id": "i-1", "type": "g6.xlarge", "lifecycle": "on-demand", "availability_zone": "us-east-1b"}
# A tab that can be hidden, and notifications that are kept instead of shown.
HIDEABLE = """
window.shown = [];
window.tabHidden = false;
Object.defineProperty(document, 'hidden', {get: () => window.tabHidden});
window.hideTab = (hidden) => { window.tabHidden = hidden; document.dispatchEvent(new Event('visibilitychange')); };
class Kept { constructor(title, more) { window.shown.push([title, more.body]); } }
Kept.permission = '%s';
Kept.asked = 0;
Kept.requestPermission = async () => { Kept.asked += 1; Kept.permission = '%s'; return Kept.permission; };
window.Notification = Kept;
"""
WORDS = {
    "en": {
        "panel": "GPU session",
        "now": re.compile(r"^Starting for \d min \d\d s\. Next: Answering\.$"),
        "seen": ["Looking for a GPU", "✕ spot: no capacity", "us-east-1a, b", "✕ spot: over the quota", "us-east-1c"],
        "steps": ["Machine is up", "Downloading", "First answer"],
        "table": "Everything so far, as a table",
        "rows": ["Request accepted", "AWS refused", "GPU rented", "Machine is up", "Downloading engine and model"],
        "where": "us-east-1c · g5.xlarge · spot: over the quota MaxSpotInstanceCountExceeded",
        "usual": re.compile(r"Usually 5 to 7 min; \d min \d\d s so far\."),
        "late": "Later than 95 % of boots.",
        "ready": re.compile(r"^Ready in about \d"),
    },
    "pt": {
        "panel": "Sessão da GPU",
        "now": re.compile(r"^Iniciando há \d min \d\d s\. Depois: Respondendo\.$"),
        "seen": ["Procurando uma GPU", "✕ spot: sem GPU livre", "us-east-1a, b", "✕ spot: acima da cota", "us-east-1c"],
        "steps": ["Máquina no ar", "Baixando", "Primeira resposta"],
        "table": "Tudo até agora, em tabela",
        "rows": ["Pedido aceito", "A AWS recusou", "GPU alugada", "Máquina no ar", "Baixando o motor e o modelo"],
        "where": "us-east-1c · g5.xlarge · spot: acima da cota MaxSpotInstanceCountExceeded",
        "usual": re.compile(r"Costuma levar de 5 a 7 min; até agora, \d min \d\d s\."),
        "late": "Está demorando mais que em 95 % das vezes.",
        "ready": re.compile(r"^Pronta em cerca de \d"),
    },
}


def refused(at: str) -> tuple[RefusedPool, ...]:
    return tuple(RefusedPool(kind, zone, code, "spot", at, error) for kind, zone, code, error in POOLS)


def a_boot(fake: FakeCloud, minutes: float) -> str:
    """A session that was asked for so long ago and boots on-demand, because spot was refused."""
    fake.start_session()
    (session_id,) = fake.sessions
    fake.refused = refused(instant(0.1 - minutes))
    fake.sessions[session_id]["created_at"] = instant(-minutes)
    phases = [{"name": name, "at": instant(-at), "attempt": 0} for name, at in (("booting", 2.5), ("downloading", 2.0))]
    launched = instant(1 - minutes)
    fake.set_session(session_id, status="booting", launched_at=launched, instance=INSTANCE, phases=phases)
    return session_id


@pytest.mark.parametrize("language", ["en", "pt"])
@pytest.mark.parametrize("width", [360, 1280])
def test_who_comes_late_sees_all_of_a_session(browser: Browser, fake: FakeCloud, language: str, width: int) -> None:
    words = WORDS[language]
    a_boot(fake, 4.1)
    locale = "pt-BR" if language == "pt" else "en-US"
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(fake.url)
    page.locator(".welcome button").click()
    expect(page.get_by_text(words["ready"])).to_be_visible()
    if width < 1080:
        page.locator(".toggle-panel").click()
    panel = page.get_by_role("complementary", name=words["panel"])
    picture = panel.get_by_role("img", name=words["now"])
    for text in [*words["seen"], *words["steps"]]:
        expect(picture.get_by_text(text, exact=True)).to_be_visible()
    expect(panel).to_contain_text(words["usual"])
    panel.get_by_text(words["table"]).click()
    rows = panel.get_by_role("rowheader")
    expect(rows).to_have_text(words["rows"])
    expect(panel.get_by_role("cell").get_by_role("listitem").last).to_have_text(words["where"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the page"
    context.close()


@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_boot_that_is_late_says_how_late(browser: Browser, fake: FakeCloud, language: str) -> None:
    a_boot(fake, BOOTS["late"] / 60 + 0.5)
    context = browser.new_context(locale="pt-BR" if language == "pt" else "en-US")
    page = context.new_page()
    page.goto(fake.url)
    page.locator(".welcome button").click()
    expect(page.get_by_text(WORDS[language]["late"])).to_be_visible()
    context.close()


def test_a_session_that_loses_its_gpu_is_drawn_with_its_second_one(page: Page, fake: FakeCloud) -> None:
    session_id = a_boot(fake, 9)
    fake.set_session(session_id, attempt=1, launched_at=instant(-1.6), phases=[])
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("GPU number 2: the one before was lost")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"^Starting for \d+ min"))).to_be_visible()


def test_what_can_be_done_meanwhile_is_a_click_away(page: Page, fake: FakeCloud) -> None:
    fake.batches.has_bedrock = True
    a_boot(fake, 3)
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    meanwhile = page.get_by_role("group", name="Meanwhile")
    meanwhile.get_by_role("button", name="Send a batch").click()
    expect(page.get_by_role("heading", name="New batch")).to_be_focused()
    meanwhile.get_by_role("button", name="Ask on Bedrock now").click()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(page.get_by_label("Answered by")).to_have_value("bedrock")
    meanwhile.get_by_role("button", name="End the session").click()
    expect(page.get_by_role("heading", name="GPU is switching off…")).to_be_visible()
    expect(meanwhile).to_have_count(0)


@pytest.mark.parametrize("permission", ["granted", "denied"])
def test_who_asked_is_told_that_the_gpu_is_ready(page: Page, fake: FakeCloud, permission: str) -> None:
    page.add_init_script(HIDEABLE % ("default", permission))
    session_id = a_boot(fake, 3)
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    wait_for_subscription(page, fake, f"session:{session_id}")
    ask = page.get_by_role("button", name="Notify me when it is ready")
    expect(ask).to_be_visible()
    assert page.evaluate("Notification.asked") == 0, "nobody is asked for a permission before they want it"
    ask.click()
    expect(page.get_by_role("button", name="You will be notified when it is ready")).to_be_disabled()
    silent = standing(page, "This browser shows no notifications of this page")
    expect(silent).to_have_count(0 if permission == "granted" else 1)
    page.evaluate("hideTab(true)")
    fake.add_phase(session_id, "healthy", status="serving", healthy_at=instant())
    expect(page).to_have_title("The GPU is ready – Forever Us")
    expect(page.locator("#favicon")).to_have_attribute("href", "/news.svg")
    told = [["The GPU is ready", "The model answers now."]]
    assert page.evaluate("shown") == (told if permission == "granted" else [])
    page.evaluate("hideTab(false)")
    expect(page).to_have_title("● GPU on – Forever Us")
    expect(page.locator("#favicon")).to_have_attribute("href", "/gpu-on.svg")


def test_nobody_who_did_not_ask_is_told(page: Page, fake: FakeCloud) -> None:
    page.add_init_script(HIDEABLE % ("granted", "granted"))
    session_id = a_boot(fake, 3)
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    wait_for_subscription(page, fake, f"session:{session_id}")
    page.evaluate("hideTab(true)")
    fake.add_phase(session_id, "healthy", status="serving", healthy_at=instant())
    expect(page).to_have_title("● GPU on – Forever Us")
    assert page.evaluate("shown") == []


def test_an_answer_in_a_hidden_tab_is_told_of_where_somebody_chose_so(page: Page, fake: FakeCloud) -> None:
    page.add_init_script(HIDEABLE % ("default", "granted"))
    sign_in(page, fake)
    choice = page.get_by_role("checkbox", name=re.compile("Notify me of answers"))
    choice.check()
    answer = start_answer(page, fake)
    page.evaluate("hideTab(true)")
    fake.finish(answer, "A line that is kept in order.")
    expect(page).to_have_title("An answer is ready – Forever Us")
    assert page.evaluate("shown") == [["An answer is ready", "In: What is a queue?"]]
    page.evaluate("hideTab(false)")
    choice.uncheck()
    other = start_answer(page, fake)
    page.evaluate("hideTab(true)")
    fake.finish(other, "Another one.")
    expect(page.get_by_role("log", name="Messages")).to_contain_text("Another one.")
    assert len(page.evaluate("shown")) == 1
