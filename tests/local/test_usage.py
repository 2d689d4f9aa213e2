"""Usage and quotes on the laptop's cloud: with the gateway, the roles and the emulator's Bedrock."""

import json
import time
from typing import Any

import pytest

from local.cloud import Cloud
from tests.local.test_limits import Student

pytestmark = pytest.mark.cloud

QUESTION = "Why is the sky blue, and why does it turn red in the evening? Answer in two short sentences, please."


def answered(student: Student, conversation: str) -> dict[str, Any]:
    while True:
        shown = student.call("GET", f"/conversations/{conversation}/messages").json()["data"]
        if len(shown) > 1 and shown[1]["status"] in ("answered", "failed"):
            return dict(shown[1])
        time.sleep(0.2)


def test_a_chat_on_bedrock_costs_what_it_was_quoted_and_is_counted_once(cloud: Cloud) -> None:
    """Nobody else is on Bedrock: this person is new, and the ledger's sum is looked at around the answer."""
    eva = Student(cloud, "eva")
    quote = eva.call("POST", "/quotes", {"kind": "chat", "prompt": QUESTION, "answer_tokens": 48}).json()
    bedrock = next(one for one in quote["backends"] if one["backend"] == "bedrock")
    conversation = eva.call("POST", "/conversations", {"title": "Sky"}).json()["id"]
    wish = {"content": QUESTION, "backend": "bedrock", "max_tokens": 96}
    assert eva.call("POST", f"/conversations/{conversation}/messages", wish).status_code == 202
    answer = answered(eva, conversation)
    assert answer["status"] == "answered", answer
    own = eva.call("GET", "/usage?group_by=backend,kind").json()["own"]
    (group,) = own["groups"]
    assert (group["backend"], group["kind"], group["messages"]) == ("bedrock", "chat", 1)
    assert (group["prompt_tokens"], group["completion_tokens"]) == (
        *(answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]),
    )
    assert 0 < group["usd"] <= bedrock["usd"]["high"]
    assert group["usd"] == pytest.approx(group["if_bedrock_usd"], abs=1e-9)


def test_every_kind_is_quoted_and_nothing_is_started(cloud: Cloud) -> None:
    fabio = Student(cloud, "fabio")
    model = fabio.call("GET", "/models").json()["data"][0]["id"]
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 32}
    line = json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}).encode()
    form = {"files": {"file": ("in.jsonl", line)}, "data": {"purpose": "batch"}}
    file_id = fabio.call("POST", "/files", **form).json()["id"]
    before = {one["id"] for one in fabio.call("GET", "/sessions?limit=100").json()["data"]}
    for wish in (
        {"kind": "session", "minutes": 10},
        {"kind": "chat", "prompt_tokens": 100},
        {"kind": "batch", "file_id": file_id},
    ):
        answer = fabio.call("POST", "/quotes", wish)
        assert answer.status_code == 200, answer.text
        assert answer.json()["kind"] == wish["kind"] and answer.json()["auto"]["text"]
    assert {one["id"] for one in fabio.call("GET", "/sessions?limit=100").json()["data"]} == before
    stranger = Student(cloud, "gil").call("POST", "/quotes", {"kind": "batch", "file_id": file_id})
    assert stranger.status_code == 404
