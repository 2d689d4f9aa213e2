"""The main job as a person does it, on the laptop's whole cloud: from the hosted sign-in to the receipt."""

import itertools
import json
import re
from collections.abc import Callable

import boto3
import pytest
from playwright.sync_api import Page, Route, expect

from local import deploy
from local.cloud import Cloud
from tests.browser.driving import looks

pytestmark = [pytest.mark.browser, pytest.mark.cloud]

BOOT_MS = 240_000  # the engine needs a second; a busy machine with cold Lambdas much more
ANSWER_MS = 240_000
TOY = deploy.PARAMETERS["ModelId"]  # who answers on a laptop, and is called by its name
END_MS = 240_000  # a worker may drain for two minutes

# Every text that an answer had while it was not finished.
WATCH_ANSWERS = """() => {
  window.seen = [];
  new MutationObserver(() => {
    const answer = [...document.querySelectorAll('[role=log] article[aria-busy=true]')].at(-1);
    const text = answer?.querySelector('p:not(.state)')?.textContent;
    if (text && text !== window.seen.at(-1)) window.seen.push(text);
  }).observe(document.querySelector('[role=log]'), {subtree: true, childList: true, characterData: true});
}"""


def sign_in(page: Page, cloud: Cloud) -> None:
    page.goto(cloud.outputs["page_url"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Username").fill(cloud.outputs["username"])
    page.get_by_label("Password").fill(cloud.outputs["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(cloud.outputs["username"])).to_be_visible()


def keep_answers_short(page: Page, tokens: int) -> None:
    """A small model may tell a story for minutes. The page sends no `max_tokens`; here each question gets one, and goes
    to the GPU, which these tests are about."""

    def add_limit(route: Route) -> None:
        if route.request.method == "POST":
            more = {"max_tokens": tokens, "backend": "gpu"}
            route.continue_(post_data=json.dumps({**route.request.post_data_json, **more}))
        else:
            route.continue_()

    page.route("**/v1/conversations/*/messages", add_limit)


def ask(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def test_person_starts_a_gpu_chats_ends_it_and_reads_the_receipt(page: Page, cloud: Cloud) -> None:
    keep_answers_short(page, 80)
    sign_in(page, cloud)
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()

    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_enabled()
    expect(page.get_by_role("heading", name="GPU is on and answering")).to_be_visible(timeout=BOOT_MS)
    expect(page).to_have_title(re.compile("GPU on"))
    page.get_by_text("Everything so far, as a table").click()
    for step in ("GPU rented", "Machine is up", "Loading the model", "Model answers"):
        happened = page.get_by_role("group", name="Everything so far, as a table").get_by_role("row")
        expect(happened.filter(has_text=step)).to_contain_text(re.compile(r"\+\d+ s"))

    page.evaluate(WATCH_ANSWERS)
    ask(page, "What is a rainbow? Explain it in three sentences.")
    answer = page.get_by_role("article", name=TOY)
    expect(answer).to_have_attribute("aria-busy", "false", timeout=ANSWER_MS)
    text = answer.inner_text()
    streamed = page.evaluate("window.seen")
    assert len(text) > 20
    assert streamed  # how many pieces a busy machine draws is its own affair: the test of a cut line has a slow engine
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(streamed))

    page.get_by_role("button", name="Switch off the GPU").click()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible(timeout=END_MS)
    receipt = page.get_by_role("region", name="Receipt")
    for line in (r"Instance minutes\s*\d+\.?\d*", r"Rented as\s*(spot|on-demand)", r"Price per hour\s*\$0\.\d+",
                 r"Tokens \(in / out\)\s*[1-9]\d* / [1-9]\d*", r"Answers\s*1", r"Total\s*\$0\.0\d+"):  # fmt: skip
        expect(receipt).to_contain_text(re.compile(line))
    machines = cloud.emulator.client("ec2").describe_instances()["Reservations"]
    assert {i["State"]["Name"] for r in machines for i in r["Instances"]} <= {"shutting-down", "terminated"}

    page.reload()
    expect(page.get_by_role("region", name="Receipt")).to_be_visible()
    expect(page.get_by_role("article", name=TOY)).to_have_text(text, use_inner_text=True)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_question_without_a_gpu_gets_one_and_its_answer_survives_a_broken_line(
    page: Page, cloud: Cloud, set_pace: Callable[[float], None]
) -> None:
    set_pace(5)
    keep_answers_short(page, 100)
    sign_in(page, cloud)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_label("Answered by").select_option("gpu")
    expect(page.get_by_text("sending switches one on")).to_be_visible()
    ask(page, "Tell me a short story about a lighthouse.")
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_enabled()
    page.evaluate(WATCH_ANSWERS)
    before = when_streaming(page)
    cut_lines(cloud)
    answer = page.get_by_role("article", name=TOY)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    set_pace(1000)
    expect(answer).to_have_attribute("aria-busy", "false", timeout=BOOT_MS)
    assert before in answer.inner_text()
    streamed = page.evaluate("window.seen")
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(streamed))
    page.get_by_role("button", name="Switch off the GPU").click()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible(timeout=END_MS)


def when_streaming(page: Page) -> str:
    for _ in looks(page, BOOT_MS):
        seen: list[str] = page.evaluate("window.seen")
        if len(seen) > 3:
            return seen[-1]
    raise AssertionError("no answer was streamed")


def cut_lines(cloud: Cloud) -> None:
    """Ends every WebSocket as API Gateway does after two hours."""
    items = cloud.emulator.client("dynamodb").scan(TableName=cloud.stack["TableName"])["Items"]
    lines = [item["pk"]["S"].removeprefix("CONNECTION#") for item in items if item["sk"]["S"] == "CONNECTION"]
    assert lines
    address = cloud.outputs["websocket_url"].replace("ws://", "http://", 1)
    gateway = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for line in lines:
        gateway.delete_connection(ConnectionId=line)


def test_wrong_password_signs_nobody_in(page: Page, cloud: Cloud) -> None:
    page.goto(cloud.outputs["page_url"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Username").fill(cloud.outputs["username"])
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Incorrect username or password")).to_be_visible()
    page.goto(cloud.outputs["page_url"])
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
