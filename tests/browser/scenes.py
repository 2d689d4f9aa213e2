"""Fifteen things that people do on the page, each brought about by clicks: for the README's pictures."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.driving import open_list, standing
from tests.browser.fake_batches import request_line
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_batch_results import answer_line, error_line
from tests.browser.test_session_graph import a_boot
from tests.browser.test_usage_page import used, with_use

QUESTION = "Why is the sky blue, and why is it red in the evening?"
ANSWER = """Sunlight has **all colours**. Air scatters short waves far more than long ones:

| colour | wavelength | scattered |
|---|---|---|
| blue | 450 nm | 4.4 × as much |
| red | 650 nm | 1 × |

So blue light comes from everywhere. In the evening the way through the air is long, and what is left is red:

```python
def scattered(nanometres: float) -> float:
    return (650 / nanometres) ** 4  # compared with red
```
"""
TITLES = ("Essay on Machado de Assis", "Limits and continuity", "Photosynthesis in four steps", "Why is the sky blue?")
TEXTS = {
    "enem-001": ("Qual gás a fotossíntese libera?", "O oxigênio, que vem da quebra da água."),
    "enem-002": ("Resolva: 2x + 6 = 14.", "Subtraindo 6 e dividindo por 2: x = 4."),
    "enem-003": ("Quem escreveu Dom Casmurro?", "Machado de Assis, em 1899."),
    "enem-004": ("Explique a Lei Áurea em uma frase.", ""),
}


@dataclass(frozen=True)
class Scene:
    """`play` leaves the page as it is to be seen, signed in. `context`: how the tab is opened."""

    play: Callable[[Page, FakeCloud], object]
    context: Mapping[str, Any] = field(default_factory=dict)


def chat(page: Page, fake: FakeCloud) -> None:
    """An answer of Bedrock, with why it was chosen."""
    ids = fake.have_conversations(*TITLES)
    fake.accept(ids[-1], {"content": QUESTION}, "sky")
    numbers = {"bedrock_usd": 0.0002, "gpu_usd": 0.06, "bedrock_first_word_seconds": 1, "gpu_first_word_seconds": 320}
    choice = {"backend": "bedrock", "reason": "nothing_live", "text": "", "numbers": numbers}
    usage = {"prompt_tokens": 24, "completion_tokens": 180}
    answered = {"status": "answered", "finish_reason": "stop", "backend": "bedrock", "choice": choice, "usage": usage}
    fake.messages[ids[-1]][-1].update(content=ANSWER, **answered)
    page.reload()
    page.locator("#message").wait_for()
    open_list(page)
    page.get_by_role("link", name=TITLES[-1]).click()
    expect(page.locator(".answer pre")).to_be_visible()
    page.locator(".hljs-keyword").first.wait_for()
    page.locator("#messages").evaluate("(box) => box.scrollTo(0, 0)")


def batch(page: Page, fake: FakeCloud) -> None:
    """A batch that a GPU works off."""
    files = [
        fake.batches.add_batch(1_790_000_000 + n, name) for n, name in enumerate(("essays.jsonl", "enem-2024.jsonl"))
    ]
    fake.batches.set_batch(files[0], completed=60, failed=0, total=60, status="completed", completed_at=1_790_000_900)
    ours = {"backend": "gpu", "cost_usd": 0.31, "tokens_per_second": 452.0, "eta_seconds": 260.0, "round": 1}
    ours |= {"prompt_tokens": 48_200, "completion_tokens": 96_400, "choice_text": "GPU: about $0.42, Bedrock: $0.51"}
    ours |= {"choice": {"reason": "cheaper", "reason_code": "cheaper", "gpu_usd": 0.42, "bedrock_usd": 0.51}}
    fake.batches.set_batch(files[1], completed=212, failed=3, total=360, status="in_progress", foreverus=ours)
    page.get_by_role("link", name="Batches", exact=True).click()
    page.get_by_role("link", name=re.compile("enem-2024")).click()
    expect(page.locator("main progress").first).to_be_visible()


def results(page: Page, fake: FakeCloud) -> None:
    """A finished batch's answers beside its questions."""
    asked = [request_line(i, messages=[{"role": "user", "content": text}]) for i, (text, _) in TEXTS.items()]
    good = [answer_line(i, answer) for i, (_, answer) in TEXTS.items() if answer]
    made = fake.batches.add_batch(1_790_000_000, "enem-2024.jsonl", backend="bedrock")
    files = {
        "input_file_id": fake.batches.add_output("\n".join(asked).encode()),
        "output_file_id": fake.batches.add_output("\n".join(good).encode()),
        "error_file_id": fake.batches.add_output(error_line("enem-004", "engine_failed").encode()),
    }
    counts = {"completed": 3, "failed": 1, "total": 4}
    fake.batches.set_batch(made, status="completed", completed_at=1_790_000_060, **counts, **files)
    page.get_by_role("link", name="Batches", exact=True).click()
    page.get_by_role("link", name=re.compile("enem-2024")).click()
    page.get_by_role("button", name="Show the answers").click()
    expect(standing(page, "4 of 4 lines")).to_be_visible()
    page.locator(".results").scroll_into_view_if_needed()


def usage(page: Page, fake: FakeCloud) -> None:
    with_use(fake)
    days = [(day, 2_000 + 911 * day % 7_000, 700 * day % 4_100) for day in range(5, 27)]
    groups = fake.used["team"]["groups"]
    for day, gpu, bedrock in days:
        groups.append(used(f"2026-11-{day:02}", "gpu", "user-1", "batch", gpu))
        groups.append(used(f"2026-11-{day:02}", "bedrock", "others", "chat", bedrock, bedrock * 2e-7))
    fake.used["to"] = "2026-11-28"
    page.get_by_role("link", name="Usage", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("Tokens of each day"))).to_be_visible()


def start(page: Page, fake: FakeCloud) -> None:
    """What an hour of a GPU would cost, before it is switched on."""
    fake.have_conversations(*TITLES)
    page.reload()
    page.get_by_text("What would it cost?").click()
    quote = page.get_by_role("group", name="What it would cost")
    quote.get_by_text("What this is reckoned with").click()
    expect(quote.get_by_role("listitem").first).to_be_visible()


def session(page: Page, fake: FakeCloud) -> None:
    """A session that boots after spot was refused, as its state machine."""
    fake.have_conversations(*TITLES)
    a_boot(fake, 4.1)
    page.reload()
    expect(page.get_by_role("complementary", name="GPU session").get_by_role("img").first).to_be_visible()


def keys(page: Page, fake: FakeCloud) -> None:
    """A key that was just made, with the lines that use it."""
    fake.make_key({"name": "laptop", "expires_at": None, "can_create_keys": False})
    page.get_by_role("link", name="Keys", exact=True).click()
    page.get_by_label("What it is for").fill("school notebook")
    page.get_by_label("What it is for").press("Enter")
    expect(page.get_by_role("region", name="The key “school notebook” was created")).to_be_visible()


NOTES = (
    "Chapter 3. Light and air\n\nSunlight is a mixture of all colours. On its way through the air it meets "
    "molecules that are far smaller than its waves.\n\n",
    "Short waves are scattered far more than long ones: blue light, at 450 nm, some four times as much as red light at "
    "650 nm. What comes to our eyes from all of the sky is therefore blue.",
    "\n\nIn the evening the way through the air is many times as long. Most of the blue is gone by then, and "
    "what is left of the direct light is yellow, orange and at last red.\n\nExercises: compare 400 nm with 700 nm.",
)


def documents(page: Page, fake: FakeCloud) -> dict:
    """One's own documents, and what a question would take along."""
    fake.batches.has_bedrock = True
    names = ("Relatório de estágio.docx", "Syllabus 2026.md")
    for name in names:
        fake.documents.have(name, pages=0, bytes=84_000, cost_usd=0.00012)
    notes = fake.documents.have("Physics notes, chapter 3.pdf", "".join(NOTES))
    fake.documents.have("Exam.pdf", status="reading", pages=0, cost_usd=0, bytes=230_000)
    fake.documents.find(notes, NOTES[1], page=3)
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_label("Question", exact=True).fill(QUESTION)
    page.get_by_label("Question", exact=True).press("Enter")
    expect(page.locator(".document-passage")).to_be_visible()
    page.locator(".batch-body").evaluate("(box) => box.scrollTo(0, 0)")
    return notes


def sources(page: Page, fake: FakeCloud) -> None:
    """An answer with the passages that it was given."""
    notes = documents(page, fake)
    ids = fake.have_conversations(*TITLES)
    fake.accept(ids[-1], {"content": QUESTION}, "sky")
    start = len(NOTES[0])
    places = [(start, start + len(NOTES[1]), 3), (start + len(NOTES[1]), len("".join(NOTES)), 4)]
    found = [
        {"number": n, "document_id": notes["id"], "page": at, "start": begin, "end": end}
        for n, (begin, end, at) in enumerate(places, 1)
    ]
    said = (
        "Air scatters short waves far more than long ones, blue some **four times** as much as red [1]. In the evening "
    )
    said += "the light's way through the air is so long that most of the blue is gone: what is left is red [2]."
    answered = {"status": "answered", "finish_reason": "stop", "sources": {"found": found, "why": None}}
    fake.messages[ids[-1]][-1].update(content=said, **answered)
    page.goto(fake.url + "/#")
    page.reload()
    page.locator("#message").wait_for()
    page.get_by_role("link", name=TITLES[-1]).click()
    expect(page.locator(".sources a")).to_have_count(2)


def reader(page: Page, fake: FakeCloud) -> None:
    """What an answer was given, in its document."""
    sources(page, fake)
    page.locator(".cite").first.click()
    expect(page.locator(".reader mark")).to_be_visible()


def preferences(page: Page, fake: FakeCloud) -> None:
    page.get_by_role("link", name="Preferences", exact=True).click()
    expect(page.get_by_role("heading", name="Preferences")).to_be_visible()


def search(page: Page, fake: FakeCloud) -> None:
    """Conversations by words of their messages."""
    ids = fake.have_conversations(*TITLES)
    for n, (one, text) in enumerate(zip(ids, ("…", "A **limit** exists", "Light splits water", ANSWER), strict=True)):
        fake.accept(one, {"content": f"Tell me more: {TITLES[n]}"}, f"more-{n}")
        fake.messages[one][-1].update(content=text, status="answered")
    page.reload()
    page.get_by_role("navigation", name="Conversations").get_by_role("searchbox").fill("light")
    expect(page.locator(".conversations mark").first).to_be_visible()
    page.get_by_role("navigation", name="Conversations").get_by_role("link").last.click()
    expect(page.locator("#messages .answer").first).to_be_visible()


def offline(page: Page, fake: FakeCloud) -> None:
    """A question that waits for the line."""
    chat(page, fake)
    page.context.set_offline(True)
    page.get_by_label("Message", exact=True).fill("And why are clouds white?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("waits for the line")).to_be_visible()


def phone(page: Page, fake: FakeCloud) -> None:
    chat(page, fake)
    expect(page.locator("#message")).to_be_in_viewport()


PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
SCENES: Mapping[str, Scene] = {
    "chat": Scene(chat),
    "phone": Scene(phone, PHONE),
    "dark": Scene(chat, {"color_scheme": "dark"}),
    "batch": Scene(batch),
    "results": Scene(results),
    "usage": Scene(usage),
    "start": Scene(start),
    "session": Scene(session),
    "keys": Scene(keys),
    "documents": Scene(documents),
    "sources": Scene(sources),
    "reader": Scene(reader),
    "preferences": Scene(preferences),
    "search": Scene(search),
    "offline": Scene(offline),
}


def signed_in(page: Page, fake: FakeCloud) -> None:
    fake.batches.has_bedrock = True
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").first.click()
    page.locator(".net-open").wait_for(state="attached")
