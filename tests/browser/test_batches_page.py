"""Batches on the page: checked before anything is sent, uploaded, watched and downloaded, in a real browser against a
scripted cloud whose bucket is another origin, as S3 is."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.driving import looks, open_list
from tests.browser.fake_batches import request_line
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

CHOICE = "gpu: 1.2 Mtok at 620 tok/s = 0.021 USD; bedrock: 0.180 USD"
BATCHES = ("POST", "/v1/batches")


def open_batches(page: Page, fake: FakeCloud) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Batches").click()
    expect(page.get_by_role("heading", name="New batch")).to_be_visible()


def write(folder: Path, *lines: str, name: str = "questions.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def good(folder: Path, count: int = 40, size: int = 10) -> Path:
    return write(folder, *(request_line(str(i), user="x" * size) for i in range(count)))


def choose(page: Page, path: Path) -> None:
    page.get_by_label(re.compile("Choose (a|the) file")).set_input_files(path)


def send(page: Page) -> None:
    page.get_by_role("button", name="Send the batch").click()


def fact(page: Page, name: str) -> Locator:
    return page.locator("dl div").filter(has=page.get_by_text(name, exact=True)).locator("dd")


def until(page: Page, what: str, true: Callable[[], bool]) -> None:
    for _ in looks(page):
        if true():
            return
    raise AssertionError(what)


def test_file_becomes_a_batch_that_is_watched_to_its_end_and_downloaded(
    page: Page, fake: FakeCloud, tmp_path: Path
) -> None:
    open_batches(page, fake)
    path = good(tmp_path)
    choose(page, path)
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()
    expect(fact(page, "Lines")).to_have_text("40")
    expect(fact(page, "Model")).to_have_text("mistral-7b")
    assert ("POST", "/v1/files") not in fake.requests
    page.get_by_label("Where to answer").select_option(label="Only on the team's GPU")
    page.get_by_label("Deadline").select_option(label="6 hours")
    page.get_by_label("Accept a GPU at full price").check()
    send(page)

    expect(page.get_by_role("heading", name="questions.jsonl")).to_be_visible()
    batch = fake.batches.only()
    assert fake.batches.stored[batch["input_file_id"]] == path.read_bytes()
    assert (batch["endpoint"], batch["completion_window"]) == ("/v1/chat/completions", "6h")
    assert batch["metadata"] == {"filename": "questions.jsonl", "backend": "gpu", "allow_on_demand": "true"}
    expect(page.get_by_text("Nothing is being charged yet.")).to_be_visible()

    ours = {"backend": "gpu", "cost_usd": 0.0123, "tokens_per_second": 612.4, "eta_seconds": 130, "choice": CHOICE}
    began = int(time.time())
    fake.batches.set_batch(batch, 18, 2, 40, status="in_progress", in_progress_at=began, foreverus=ours)
    expect(page.get_by_role("progressbar", name="Lines answered")).to_have_attribute("aria-valuetext", "20 of 40")
    expect(page.get_by_text("about 3 min left")).to_be_visible()
    expect(fact(page, "Cost so far")).to_have_text("$0.0123")
    expect(fact(page, "Speed")).to_have_text("612 tokens/s")
    page.get_by_text("Why this choice?").click()
    expect(page.get_by_text(CHOICE)).to_be_visible()

    answers, errors = b'{"custom_id": "0"}\n' * 38, b'{"custom_id": "9"}\n' * 2
    fake.batches.redirect_above = 100  # the answers come from the bucket, the errors from the API itself
    files = {"output_file_id": fake.batches.add_output(answers), "error_file_id": fake.batches.add_output(errors)}
    fake.batches.set_batch(batch, 38, 2, 40, status="completed", completed_at=began + 60, **files, foreverus=ours)
    expect(page.get_by_text("2 could not be answered")).to_be_visible()
    for button, name, content in (
        ("Download answers", "questions.output.jsonl", answers),
        ("Download errors", "questions.errors.jsonl", errors),
    ):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert download.value.suggested_filename == name
        assert Path(download.value.path()).read_bytes() == content
    assert fake.batches.tokens_seen == []
    asked = fake.requests.count(("GET", f"/v1/batches/{batch['id']}"))
    page.wait_for_timeout(2500)
    assert fake.requests.count(("GET", f"/v1/batches/{batch['id']}")) == asked  # it is over: nobody asks any more


def test_file_with_errors_sends_nothing_and_says_where_they_are(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    lines = [request_line("1"), "", request_line("1"), '{"custom_id": ', request_line("4", model="gpt-4o", n=2)]
    choose(page, write(tmp_path, *lines, *(request_line(f"more {i}", top_k=5) for i in range(200))))
    verdict = page.get_by_role("region", name="There are 204 errors in the file. Nothing was sent.")
    expect(page.get_by_role("status").filter(has_text="File checked: 204 errors")).to_be_attached()
    expect(verdict).to_contain_text("Unknown parameter: 200")
    rows = verdict.get_by_role("row")
    cells = rows.nth(1).get_by_role("cell")
    expect(cells.nth(0)).to_have_text("3")
    expect(cells.nth(1)).to_have_text('Repeated custom_id: custom_id "1" is already on line 1')
    expect(rows.nth(2)).to_contain_text("4Not valid JSON")
    expect(rows).to_have_count(11)
    verdict.get_by_role("button", name="Show all 100").click()
    expect(rows).to_have_count(101)
    expect(verdict).to_contain_text("And 104 more, not shown.")
    expect(page.get_by_role("button", name="Send the batch")).to_have_count(0)
    assert not [
        path for method, path in fake.requests if method == "POST" and path not in ("/v1/tickets", "/v1/quotes")
    ]

    choose(page, good(tmp_path, 3))  # the same name, corrected
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()


def test_file_may_be_dropped_and_a_large_one_leaves_the_page_alive(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    page.evaluate(
        """async (line) => {
          const lines = Array.from({length: 50000}, (_, i) => line.replace('"N"', `"${i}"`) + '\\n');
          const data = new DataTransfer();
          data.items.add(new File(lines, 'large.jsonl'));
          window.longest = 0;
          let last = performance.now();
          const frame = () => {
            window.longest = Math.max(window.longest, performance.now() - last);
            last = performance.now();
            requestAnimationFrame(frame);
          };
          await new Promise(requestAnimationFrame);
          last = performance.now();
          requestAnimationFrame(frame);
          document.querySelector('.drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}));
        }""",
        request_line("N", user="x" * 800),
    )
    expect(page.get_by_text("Checking large.jsonl…")).to_be_visible()
    expect(fact(page, "Lines")).to_have_text("50,000")
    expect(fact(page, "Size")).to_have_text(re.compile(r"4\d(\.\d)? MB"))
    assert page.evaluate("window.longest") < 1000  # ms between two frames, on a busy machine


def test_upload_that_breaks_is_tried_again_and_one_that_is_refused_says_so(
    page: Page, fake: FakeCloud, tmp_path: Path
) -> None:
    open_batches(page, fake)
    fake.batches.put_troubles = [0, 503, 403]
    choose(page, good(tmp_path))
    send(page)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The batch was not created.")
    expect(alert).to_contain_text("Sending the file failed (HTTP 403).")
    assert fake.batches.batches == {}
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="questions.jsonl")).to_be_visible()
    assert fake.batches.puts == [0, 503, 403, 200]
    until(
        page,
        "the broken uploads' files stayed",
        lambda: list(fake.batches.files) == [fake.batches.only()["input_file_id"]],
    )


def test_retry_after_a_lost_reply_is_not_a_second_batch(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    fake.troubles += [("POST", "/batches", 0)] + [("POST", "/batches", 503)] * 3
    choose(page, good(tmp_path))
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("Trying again does not create two batches.")
    expect(page.get_by_label("Deadline")).to_be_disabled()  # another request would be another batch
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="questions.jsonl")).to_be_visible()
    assert fake.requests.count(BATCHES) == 5
    assert len(fake.batches.batches) == 1
    assert fake.batches.puts == [200]


def test_refused_batch_may_be_changed_and_asked_for_again(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    fake.troubles.append(("POST", "/batches", 402))
    choose(page, good(tmp_path))
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was kept")
    page.get_by_label("Where to answer").select_option("bedrock")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="questions.jsonl")).to_be_visible()
    assert fake.batches.only()["metadata"]["backend"] == "bedrock"


def test_upload_shows_its_progress_and_can_be_stopped(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    fake.batches.put_seconds = 30
    choose(page, good(tmp_path, 2000, 4000))
    send(page)
    bar = page.get_by_role("progressbar", name="Sending the file…")
    until(page, "no progress was shown", lambda: 0 < bar.evaluate("bar => bar.position") < 1)
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_role("button", name="Send the batch")).to_be_visible()
    until(page, "the stopped upload's file stayed", lambda: fake.batches.files == {})
    assert fake.batches.batches == {}


def test_batch_is_cancelled_only_after_a_second_yes(page: Page, fake: FakeCloud) -> None:
    batch = fake.batches.add_batch(int(time.time()), "long.jsonl", status="in_progress", foreverus={"backend": "gpu"})
    open_batches(page, fake)
    page.get_by_role("link", name=re.compile("long.jsonl")).click()
    page.get_by_role("button", name="Cancel the batch").click()
    page.get_by_role("button", name="Let it run").click()
    page.get_by_role("button", name="Cancel the batch").click()
    assert batch["status"] == "in_progress"
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It finishes the lines in progress and stops.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the batch")).to_have_count(0)
    fake.batches.set_batch(batch, 10, 30, 40, status="cancelled", cancelled_at=int(time.time()))
    expect(page.get_by_text("Cancelled. What had been answered is in the file.")).to_be_visible()


def test_old_batches_come_page_by_page_and_scheduled_ones_are_marked(page: Page, fake: FakeCloud) -> None:
    for n in range(45):
        kind = "schedule" if n == 44 else "api"
        fake.batches.add_batch(1_790_000_000 + n, f"file {n}.jsonl", status="completed", foreverus={"trigger": kind})
    open_batches(page, fake)
    links = page.get_by_role("navigation", name="Batches").get_by_role("link")
    expect(links).to_have_count(20)
    expect(links.first).to_contain_text("file 44.jsonl")
    expect(links.first).to_contain_text("scheduled")
    for shown in (40, 45):
        page.get_by_role("button", name="Show more").click()
        expect(links).to_have_count(shown)
    expect(links.last).to_contain_text("file 0.jsonl")
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)


def test_lost_connection_keeps_the_last_numbers_and_says_so(page: Page, fake: FakeCloud) -> None:
    counts = {"total": 40, "completed": 10, "failed": 0}
    batch = fake.batches.add_batch(int(time.time()), "long.jsonl", status="in_progress", request_counts=counts)
    open_batches(page, fake)
    page.get_by_role("link", name=re.compile("long.jsonl")).click()
    expect(page.get_by_text("10 of 40")).to_be_visible()
    fake.troubles += [("GET", batch["id"], 503)] * 2
    expect(page.get_by_text("these are the last known numbers")).to_be_visible()
    expect(page.get_by_text("10 of 40")).to_be_visible()
    fake.batches.set_batch(batch, 30, 0, 40, status="in_progress")
    expect(page.get_by_text("30 of 40")).to_be_visible()
    expect(page.get_by_text("these are the last known numbers")).to_have_count(0)


def test_batch_that_the_server_refuses_shows_its_errors_by_line(page: Page, fake: FakeCloud) -> None:
    errors = [{"code": "unknown_model", "message": "The model 'x' is not here.", "line": 1207, "param": "body.model"}]
    failed = {
        "status": "failed",
        "failed_at": int(time.time()),
        "errors": {"object": "list", "data": errors, "total": 3},
    }
    batch = fake.batches.add_batch(int(time.time()) - 5, "wrong.jsonl", **failed)
    page.goto(f"{fake.url}/#b={batch['id']}")
    page.get_by_role("button", name="Sign in").click()  # the address survives the sign-in
    expect(page.get_by_role("heading", name="wrong.jsonl")).to_be_visible()
    expect(page.get_by_text("Nothing was charged: correct it and send it again.")).to_be_visible()
    cells = page.get_by_role("region", name="Errors").get_by_role("cell")
    expect(cells).to_have_text(["1,207", "Unknown model: body.model The model 'x' is not here."])
    expect(page.get_by_text("And 2 more, not shown.")).to_be_visible()
    page.goto(f"{fake.url}/#b=batch_nobody")
    expect(page.get_by_role("alert")).to_contain_text("This batch does not exist, or is not yours.")


def test_going_to_chat_and_back_keeps_the_chosen_file(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    choose(page, good(tmp_path))
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()
    page.get_by_role("link", name="Chats").click()
    expect(page.get_by_role("log", name="Messages")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()
    page.get_by_role("button", name="Remove this file").click()
    expect(page.get_by_text("Drop a file here: .jsonl, .csv or .txt")).to_be_visible()


def test_batches_speak_portuguese_on_a_phone_and_the_example_is_a_good_file(
    browser: Browser, fake: FakeCloud, tmp_path: Path
) -> None:
    context = browser.new_context(locale="pt-BR", viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = context.new_page()
    ours = {"backend": "bedrock", "cost_usd": 1.5, "trigger": "schedule"}
    counts = {"total": 2000, "completed": 1234, "failed": 0}
    fake.batches.add_batch(int(time.time()), "noite.jsonl", status="in_progress", request_counts=counts, foreverus=ours)
    page.goto(f"{fake.url}/#b")
    page.get_by_role("button", name="Entrar").click()
    page.get_by_text("Como é o arquivo?").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Baixar este exemplo").click()
    example = Path(download.value.path())
    assert [json.loads(line)["body"]["model"] for line in example.read_text().splitlines()] == ["mistral-7b"] * 2
    page.get_by_label("Escolher arquivo").set_input_files(example)
    expect(page.get_by_role("heading", name="O arquivo está correto.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Remover este arquivo").click()
    page.get_by_label("Escolher arquivo").set_input_files(write(tmp_path, request_line("1", n=2)))
    expect(page.get_by_role("region", name="Há 1 erro no arquivo. Nada foi enviado.")).to_contain_text("só pode ser 1")
    open_list(page)
    page.get_by_role("link", name=re.compile("noite.jsonl")).click()
    expect(page.get_by_text("1.234 de 2.000")).to_be_visible()
    expect(page.get_by_text("61%", exact=True)).to_be_visible()
    expect(fact(page, "Custo até agora")).to_have_text(re.compile(r"US\$\s1,50"))
    expect(page.get_by_text("Lote agendado da equipe")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
