"""A batch as a person makes one on the page, on the laptop's whole cloud: from the file to the answers."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from local.cloud import Cloud
from tests.browser.test_main_job import BOOT_MS, END_MS, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.cloud]

BATCH_MS = BOOT_MS + 120_000
QUESTIONS = ("What is a rainbow?", "Name a river in Brazil.", "How many legs does a spider have?")


def question(number: int, text: str, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 24, "temperature": 0}
    return json.dumps({"custom_id": f"q-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body})


def test_person_sends_a_file_watches_it_and_downloads_the_answers(page: Page, cloud: Cloud, tmp_path: Path) -> None:
    sign_in(page, cloud)
    page.get_by_role("link", name="Batches").click()
    page.get_by_text("What does the file look like?").click()
    with page.expect_download() as example:
        page.get_by_role("button", name="Download this example").click()
    model = json.loads(Path(example.value.path()).read_text().splitlines()[0])["body"]["model"]

    path = tmp_path / "perguntas.jsonl"
    lines = [question(n, text, model) for n, text in enumerate(QUESTIONS)]
    path.write_text("\ufeff" + "\r\n\r\n".join([lines[0], lines[1], lines[0]]), encoding="utf-8")
    page.get_by_label("Choose a file").set_input_files(path)
    expect(page.get_by_role("region", name="There is 1 error in the file.")).to_contain_text("is already on line 1")
    path.write_text("\ufeff" + "\r\n\r\n".join(lines), encoding="utf-8")
    page.get_by_label("Choose the file again").set_input_files(path)
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()
    page.get_by_label("Where to answer").select_option("gpu")
    page.get_by_role("button", name="Send the batch").click()

    expect(page.get_by_role("heading", name="perguntas.jsonl")).to_be_visible()
    expect(page.get_by_text("The answers are ready to download.")).to_be_visible(timeout=BATCH_MS)
    bar = page.get_by_role("progressbar", name="Lines answered")
    expect(bar).to_have_attribute("aria-valuetext", "3 of 3")
    cost = page.locator("dl div").filter(has=page.get_by_text("Cost", exact=True)).locator("dd")
    expect(cost).to_have_text(re.compile(r"\$0\.\d{4}"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download answers").click()
    assert download.value.suggested_filename == "perguntas.output.jsonl"
    answers = [json.loads(line) for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()]
    assert [answer["custom_id"] for answer in answers] == ["q-0", "q-1", "q-2"]
    for answer in answers:
        assert answer["error"] is None
        assert answer["response"]["body"]["choices"][0]["message"]["content"].strip()
    expect(page.get_by_role("button", name="Download errors")).to_have_count(0)

    page.reload()
    expect(page.get_by_role("link", name=re.compile("perguntas.jsonl"))).to_contain_text("done")
    switch = page.get_by_role("button", name="Switch off the GPU")
    if switch.is_visible() and switch.is_enabled():  # a batch's own session may end by itself
        switch.click()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible(timeout=END_MS)
