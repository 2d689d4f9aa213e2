"""A person speaks to the page and is read to, on the laptop's whole cloud: with the page's own sign-in, a real voice in
Chromium's microphone, real ears and a real voice behind the API."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Route, expect

from local.cloud import Cloud, running
from local.person import Person
from local.state import LOCAL
from tests.browser.microphone import LISTEN, hearing
from tests.browser.test_main_job import sign_in
from tests.browser.test_speaking import done, message, speak, wait_for_seconds
from tests.cloud import unique

pytestmark = [pytest.mark.browser, pytest.mark.cloud]

QUESTION = "What is a computer?"


@pytest.fixture(scope="module")
def voiced() -> Iterator[Cloud]:
    place = LOCAL / "tests" / unique("voice-page")
    with running(place, lambda text: None, usual_ports=False, parameters={"Voice": "managed"}) as cloud:
        yield cloud


def short(route: Route) -> None:
    """A small model may tell a story for minutes. The page sends no `max_tokens`; here each question gets one."""
    if route.request.method == "POST":
        route.continue_(post_data=json.dumps({**route.request.post_data_json, "max_tokens": 30}))
    else:
        route.continue_()


def spoken(cloud: Cloud, path: Path) -> Path:
    body = {"model": "tts-1", "voice": "nova", "input": QUESTION, "language": "en-US", "response_format": "wav"}
    key = {"Authorization": f"Bearer {cloud.outputs['api_key']}"}
    url = f"{cloud.outputs['api_url']}/audio/speech"
    answer = httpx.post(url, json=body, headers=key, timeout=300, trust_env=False)
    path.write_bytes(answer.raise_for_status().content)
    return path


def counted(person: Person) -> dict[str, int]:
    """Of the person's own, by who did it."""
    groups = person.call("GET", "/usage?group_by=backend")["own"]["groups"]
    return {one["backend"]: one["messages"] for one in groups}


def test_a_spoken_question_is_understood_answered_and_read_aloud(
    browser: Browser, voiced: Cloud, tmp_path: Path
) -> None:
    question = spoken(voiced, tmp_path / "question.wav")
    with Person(voiced.outputs) as person:
        before = counted(person)
        with hearing(browser, question) as chromium:
            context = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
            context.grant_permissions(["microphone"], origin=voiced.outputs["page_url"].rstrip("/"))
            page = context.new_page()
            page.add_init_script(LISTEN)
            page.route("**/v1/conversations/*/messages", short)
            sign_in(page, voiced)
            speak(page).click()
            wait_for_seconds(page, 2)
            done(page).click()
            expect(message(page)).not_to_have_value("")
            understood = message(page).input_value()
            # The microphone hears it again and again, from wherever it was: some of its words are there.
            assert set(re.findall(r"[a-z]+", understood.lower())) & {"what", "is", "a", "computer"}
            message(page).fill(QUESTION)
            page.get_by_role("button", name="Send", exact=True).click()
            read = page.get_by_role("button", name="Read aloud", exact=True)
            expect(read).to_be_visible(timeout=120_000)
            read.click()
            page.wait_for_function("() => window.sounds.length >= 1")
            assert page.evaluate("window.sounds[0].loudest") > 0.02
            page.keyboard.press("Escape")
            expect(page.get_by_role("button", name="Stop reading")).to_have_count(0)
            context.close()
        after = counted(person)
    assert after.get("transcribe", 0) == before.get("transcribe", 0) + 1, "the person's own, without a key"
    assert after["polly"] > before.get("polly", 0)
    left = voiced.emulator.client("s3").list_objects_v2(Bucket=voiced.stack["DataBucket"], Prefix="audio/")
    assert "Contents" not in left
