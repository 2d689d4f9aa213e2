"""The laptop's model that sees: the text in a picture is in the answer's prompt; and OpenAI's client the whole way."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import openai
import pytest
from botocore.exceptions import ClientError
from openai import OpenAI

from foreverus.abilities.read_image.bedrock import BedrockSight
from foreverus.abilities.read_image.checking import checked
from foreverus.aws.dynamo import Table
from foreverus.backends.images import ImageKind
from foreverus.backends.port import Message, Prompt
from foreverus.costs.ledger import LedgerStore
from foreverus.errors import PromptRejected
from foreverus.files.records import FilePurpose, ImageFacts, new_file
from foreverus.files.store import FileStore
from local.cloud import Cloud, running
from local.deploy import PARAMETERS
from local.emulator import Emulator
from local.processes import LOOPBACK
from local.state import LOCAL
from tests.cloud import bare_emulator, unique
from tests.local.batches import finished, jsonl, line, lines_of, submit
from tests.local.batches import openai as openai_client
from tests.pentest import people

SEES = "amazon.nova-lite-v1:0"
BLIND = "mistral.mistral-7b-instruct-v0:2"
PICTURES = Path(__file__).resolve().parents[1] / "pictures"
NOTE = (PICTURES / "note.png").read_bytes()
WORDS = "What is the secret word?"


class Listening(BaseHTTPRequestHandler):
    """A model that keeps what it is asked."""

    asked: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        answer = {
            "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 1},
        }
        said = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def listening() -> Iterator[Emulator]:
    server = ThreadingHTTPServer((LOOPBACK, 0), Listening)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with bare_emulator({}, bedrock=f"http://{LOOPBACK}:{server.server_port}") as one:
            yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(client: Any, model: str, *pictures: bytes) -> str:
    sight = BedrockSight(client, model, 1)
    try:
        images = tuple(map(checked, pictures))
        return asyncio.run(sight.complete(Prompt((Message("user", WORDS, images=images),), 16, 0.0))).text
    finally:
        sight.close()


def test_text_in_a_picture_is_in_the_prompt_of_its_answer(listening: Emulator) -> None:
    photo = (PICTURES / "photo.jpg").read_bytes()
    assert ask(listening.client("bedrock-runtime"), SEES, NOTE, photo) == "Hi"
    (message,) = Listening.asked[-1]["messages"]
    assert message["content"].count("ZEBRA 4471") == 2 and message["content"].endswith(WORDS)
    assert "Augusta" not in message["content"]


def test_model_without_eyes_refuses_a_picture_and_one_with_eyes_what_is_none(listening: Emulator) -> None:
    client = listening.client("bedrock-runtime")
    with pytest.raises(PromptRejected, match="doesn't support the image"):
        ask(client, BLIND, NOTE)
    broken = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n" + bytes(40)}}}
    with pytest.raises(ClientError, match="Could not process image"):
        client.converse(modelId=SEES, messages=[{"role": "user", "content": [broken, {"text": WORDS}]}])


def test_patch_is_needed_while_the_emulator_passes_over_pictures(unpatched: Emulator) -> None:
    picture = {"image": {"format": "png", "source": {"bytes": NOTE}}}
    client = unpatched.client("bedrock-runtime")
    assert client.converse(modelId=BLIND, messages=[{"role": "user", "content": [picture, {"text": WORDS}]}])


@pytest.fixture(scope="module")
def seeing() -> Iterator[Cloud]:
    place = LOCAL / "tests" / unique("images")
    with running(place, lambda text: None, usual_ports=False, parameters={"Images": "managed"}) as cloud:
        yield cloud


def asking(*pictures: bytes) -> Any:
    urls = [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in pictures]
    shown = [{"type": "image_url", "image_url": {"url": one}} for one in urls]
    return [{"role": "user", "content": [{"type": "text", "text": WORDS}, *shown]}]


@pytest.mark.cloud
def test_openais_client_asks_about_a_picture_and_it_is_paid(seeing: Cloud) -> None:
    table = Table(seeing.emulator.client("dynamodb"), seeing.stack["TableName"])
    ledger, month = LedgerStore(table), time.strftime("%Y-%m", time.gmtime())
    with OpenAI(base_url=seeing.outputs["api_url"], api_key=seeing.outputs["api_key"], max_retries=0) as client:
        model = client.models.list().data[0].id
        plain = client.chat.completions.create(model=f"{model}@bedrock", messages=asking(), max_tokens=24)
        before = ledger.spent(month)
        seen = client.chat.completions.create(model=model, messages=asking(NOTE), max_tokens=24, temperature=0)
        assert seen.model == f"{SEES}@bedrock" and seen.choices[0].message.content
        assert plain.usage and seen.usage and seen.usage.prompt_tokens > plain.usage.prompt_tokens + 5, (
            "its text is there"
        )
        paid = (seen.usage.prompt_tokens * 0.06 + seen.usage.completion_tokens * 0.24) / 1e6
        assert float(ledger.spent(month)) - float(before) == pytest.approx(paid, rel=1e-6)
        uploaded = client.files.create(file=("note.png", NOTE), purpose="vision").id
        part = {"type": "file", "file": {"file_id": uploaded}}
        named: Any = [{"role": "user", "content": [{"type": "text", "text": WORDS}, part]}]
        again = client.chat.completions.create(model=model, messages=named, max_tokens=24, temperature=0)
        assert again.usage and again.usage.prompt_tokens == seen.usage.prompt_tokens, "the same image, by its id"
        client.files.delete(uploaded)
        with pytest.raises(openai.BadRequestError, match="There is no image"):
            client.chat.completions.create(model=model, messages=named)
        with pytest.raises(openai.BadRequestError, match="no address is fetched"):
            shown = {"type": "image_url", "image_url": {"url": f"{seeing.outputs['api_url']}/openapi.json"}}
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": [shown]}])


@pytest.mark.cloud
def test_stack_without_images_says_which_parameter(cloud: Cloud) -> None:
    with (
        OpenAI(base_url=cloud.outputs["api_url"], api_key=cloud.outputs["api_key"], max_retries=0) as client,
        pytest.raises(openai.BadRequestError, match="Images is off"),
    ):
        client.chat.completions.create(model=client.models.list().data[0].id, messages=asking(NOTE))


def refusals(client: OpenAI, *lines: Any, **metadata: str) -> list[tuple[Any, ...]]:
    """What is wrong with a file that is refused: nothing is spent."""
    batch = finished(client, submit(client, list(lines), **metadata))
    assert batch.status == "failed" and batch.errors and batch.errors.data and batch.output_file_id is None
    return [(one.line, one.code, one.param) for one in batch.errors.data]


@pytest.mark.cloud
def test_lines_that_show_pictures_are_seen_and_paid_beside_lines_that_do_not(seeing: Cloud) -> None:
    table = Table(seeing.emulator.client("dynamodb"), seeing.stack["TableName"])
    ledger, month = LedgerStore(table), time.strftime("%Y-%m", time.gmtime())
    with openai_client(seeing) as client:
        uploaded = client.files.create(file=("note.png", NOTE), purpose="vision").id
        part = {"type": "file", "file": {"file_id": uploaded}}
        named: Any = [{"role": "user", "content": [{"type": "text", "text": WORDS}, part]}]
        before = ledger.spent(month)
        asked = [line("plain", WORDS), line("shown", "", messages=asking(NOTE)), line("named", "", messages=named)]
        batch = finished(client, submit(client, asked))
        assert batch.status == "completed" and batch.errors is None, batch
        said = {one["custom_id"]: one["response"]["body"] for one in lines_of(client, batch.output_file_id)}
        assert {name: one["model"] for name, one in said.items()} == {
            "plain": PARAMETERS["ModelId"],
            "shown": SEES,
            "named": SEES,
        }
        assert said["shown"]["foreverus"] == {"images_seen_by": SEES} and "foreverus" not in said["plain"]
        used = {name: one["usage"] for name, one in said.items()}
        assert used["named"]["prompt_tokens"] == used["shown"]["prompt_tokens"] > used["plain"]["prompt_tokens"]
        usd = sum(
            one["prompt_tokens"] * price + one["completion_tokens"] * written
            for name, one in used.items()
            for price, written in [(0.15, 0.20) if name == "plain" else (0.06, 0.24)]
        )
        own = batch.model_extra["foreverus"]  # type: ignore[index]
        assert own["cost_usd"] == pytest.approx(usd / 1e6, abs=1e-6) and own["backend"] == "bedrock"
        assert f"images, in line 2 first, are seen by {SEES}" in own["choice_text"]
        assert float(ledger.spent(month)) - float(before) == pytest.approx(usd / 1e6, rel=1e-3)
        found = client.files.create(file=("questions.jsonl", jsonl(asked)), purpose="batch").id
        body = {"kind": "batch", "file_id": found}
        quote: Any = client.post("/quotes", cast_to=object, body=body)
        gpu, bedrock = quote["backends"]
        assert gpu["usd"] is None and "answered on Bedrock" in gpu["why_not"] and quote["auto"]["backend"] == "bedrock"
        assert bedrock["usd"]["high"] > usd / 1e6
        client.files.delete(uploaded)
        gone = finished(client, submit(client, [line("named", "", messages=named)]))
        assert gone.status == "failed", "it is looked up before anything is spent"


@pytest.mark.cloud
def test_pictures_of_lines_are_ones_own_and_no_address_is_fetched(seeing: Cloud) -> None:
    stored = FileStore(Table(seeing.emulator.client("dynamodb"), seeing.stack["TableName"]))
    theirs = new_file("file_theirs", "somebody-else", "a.png", len(NOTE), datetime.now(UTC), purpose=FilePurpose.VISION)
    stored.put(replace(theirs, image=ImageFacts(ImageKind.PNG, 460, 120)))
    part: Any = [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file_theirs"}}]}]
    address = {"type": "image_url", "image_url": {"url": f"{seeing.outputs['api_url']}/openapi.json"}}
    with openai_client(seeing) as client:
        lines = [
            line("theirs", "", messages=part),
            line("address", "", messages=[{"role": "user", "content": [address]}]),
            line("pdf", "", messages=asking(b"%PDF-1.7")),
        ]
        assert refusals(client, *lines) == [
            (1, "image_not_found", "body.messages[0].content[0].file.file_id"),
            (2, "image_not_fetched", "body.messages[0].content[0].image_url.url"),
            (3, "invalid_image", "body.messages[0].content[1].image_url.url"),
        ]
        seen = line("shown", "", messages=asking(NOTE))
        assert refusals(client, seen, backend="gpu") == [(1, "images_not_seen", "body.messages")]
        hot = line("hot", WORDS, temperature=1.5)
        assert refusals(client, seen, hot) == [(2, "unsupported_parameter", "body.temperature")]


@pytest.mark.cloud
def test_pictures_of_somebody_else_are_in_no_message_no_request_and_no_file(seeing: Cloud) -> None:
    owner, stranger = (people.make(seeing, f"{name}-of-pictures@example.com") for name in ("owner", "stranger"))
    form = {"files": {"file": ("note.png", NOTE, "image/png")}, "data": {"purpose": "vision"}}
    theirs = owner.call("POST", "/files", **form)["id"]
    talk = stranger.call("POST", "/conversations", json={})["id"]
    part = {"role": "user", "content": [{"type": "file", "file": {"file_id": theirs}}]}
    asked = {"model": PARAMETERS["ModelId"], "messages": [part], "max_tokens": 1}
    for status, answer in (
        (400, stranger.request("POST", f"/conversations/{talk}/messages", json={"content": "", "images": [theirs]})),
        (400, stranger.request("POST", "/chat/completions", json=asked)),
        (404, stranger.request("GET", f"/files/{theirs}")),
        (404, stranger.request("GET", f"/files/{theirs}/content")),
        (404, stranger.request("DELETE", f"/files/{theirs}")),
    ):
        assert answer.status_code == status and "url" not in answer.json(), answer.text
    assert owner.call("GET", f"/files/{theirs}")["url"]


@pytest.mark.cloud
def test_batch_of_a_stack_without_images_says_which_parameter(cloud: Cloud) -> None:
    with openai_client(cloud) as client:
        assert refusals(client, line("shown", "", messages=asking(NOTE))) == [(1, "images_off", "body.messages")]


@pytest.mark.cloud
def test_message_shows_an_image_that_is_read_and_goes_with_it(seeing: Cloud) -> None:
    headers = {"Authorization": f"Bearer {seeing.outputs['api_key']}"}
    with httpx.Client(base_url=seeing.outputs["api_url"], headers=headers, trust_env=False, timeout=300) as client:
        form = {"files": {"file": ("note.png", NOTE, "image/png")}, "data": {"purpose": "vision"}}
        uploaded = client.post("/files", **form).raise_for_status().json()
        assert (uploaded["width"], uploaded["height"]) == (460, 120)
        refused = client.post("/files", data={"purpose": "vision"}, files={"file": ("a.png", b"%PDF-1.7")})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_image")
        talk = client.post("/conversations", json={}).raise_for_status().json()["id"]
        asked = {"content": WORDS, "images": [uploaded["id"]], "max_tokens": 24}
        posted = client.post(f"/conversations/{talk}/messages", json=asked).raise_for_status().json()
        assert posted["answer"]["choice"]["numbers"]["images_seen_by"] == SEES
        shown = client.get(f"/files/{uploaded['id']}").raise_for_status().json()
        assert httpx.get(shown["url"], trust_env=False).content.startswith(b"\x89PNG")

        def answer() -> Any:
            return client.get(f"/conversations/{talk}/messages").raise_for_status().json()["data"][1]

        for _ in range(600):
            if (found := answer())["status"] in ("answered", "failed"):
                break
            time.sleep(0.2)
        assert found["status"] == "answered" and found["usage"]["prompt_tokens"] > 30, found
        question = posted["message"]["id"]
        client.delete(f"/conversations/{talk}/messages/{question}/exchange").raise_for_status()
        assert client.get(f"/files/{uploaded['id']}").status_code == 404
