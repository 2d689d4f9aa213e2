"""What a batch whose lines show images would cost, before it is sent."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.backends.images import ImageKind
from foreverus.files.records import FilePurpose, ImageFacts, new_file
from foreverus.files.store import FileStore
from tests.unit.abilities.images import png
from tests.unit.conftest import NOW, Aws
from tests.unit.spending.calling import call
from tests.unit.spending.test_quotes import MODEL, assumed, on, put_file, quote

SPELLED = f"data:image/png;base64,{base64.b64encode(png(1300, 1300)).decode()}"
SHOWN = {"type": "image_url", "image_url": {"url": SPELLED}}
NAMED = {"type": "file", "file": {"file_id": "file_image"}}
BATCH = {"kind": "batch", "file_id": "file_in"}


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.aws, "clock", lambda: NOW)


@pytest.fixture
def managed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "managed")
    monkeypatch.setenv("IMAGES_MODEL_ID", "amazon.nova-lite-v1:0")


def line(number: int, *parts: dict[str, Any]) -> bytes:
    messages = [{"role": "user", "content": [{"type": "text", "text": "x" * 342}, *parts]}]
    body = {"model": MODEL, "messages": messages, "max_tokens": 100}
    one = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(one).encode() + b"\n"


def put_image(aws: Aws, user_id: str) -> None:
    file = new_file("file_image", user_id, "a.png", 100, NOW, purpose=FilePurpose.VISION)
    FileStore(aws.items).put(replace(file, image=ImageFacts(ImageKind.PNG, 1300, 1300)))


@pytest.mark.usefixtures("managed")
def test_seen_lines_have_the_price_of_the_model_that_sees_and_the_others_theirs(aws: Aws) -> None:
    put_image(aws, "ana")
    put_file(aws, line(1) + line(2, SHOWN) + line(3, NAMED))
    shown = quote(BATCH)
    images = assumed(shown, "image_tokens")
    assert images["high"] == 2 * 4225 and images["expected"] == pytest.approx(images["high"] * 2 / 3)
    words = 342 / 3.5 + 6
    seen = images["expected"] + 2 * words
    assert shown["work"]["prompt_tokens"]["expected"] == pytest.approx(seen + words, rel=0.01)
    written = shown["work"]["completion_tokens"]["expected"] / 3
    bedrock, gpu = on(shown, "bedrock"), on(shown, "gpu")
    usd = (words * 0.15 + written * 0.20 + seen * 0.06 + 2 * written * 0.24) / 1e6
    assert bedrock["usd"]["expected"] == pytest.approx(usd, rel=0.02)
    assert gpu["usd"] is None and "Line 2 shows images" in gpu["why_not"]
    assert shown["auto"]["backend"] == "bedrock"


@pytest.mark.usefixtures("managed")
def test_where_the_gpus_model_sees_too_it_is_quoted_with_its_own_time(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPU_MODEL_SEES", "qwen-vl")
    put_file(aws, line(1) + line(2))
    plain = quote(BATCH)
    put_file(aws, line(1) + line(2, SHOWN))
    shown = quote(BATCH)
    gpu, before = on(shown, "gpu"), on(plain, "gpu")
    time = assumed(shown, "gpu_image_tokens")
    assert time["expected"] == pytest.approx(1282 / 6) and time["low"] < time["expected"] < time["high"]
    rate, hour = (
        assumed(shown, "gpu_tokens_per_second")["expected"],
        assumed(shown, "gpu_spot_usd_per_hour")["expected"],
    )
    seconds = time["expected"] / rate
    assert gpu["seconds"]["expected"] - before["seconds"]["expected"] == pytest.approx(seconds, abs=0.1)
    assert gpu["usd"]["expected"] - before["usd"]["expected"] == pytest.approx(seconds / 3600 * hour, abs=2e-6)
    assert assumed(shown, "image_tokens")["high"] == 4225, "on Bedrock they are reckoned as there"
    assert on(shown, "bedrock")["usd"] and shown["auto"]["backend"] == "bedrock"


def test_where_the_gpu_alone_sees_nobody_else_is_quoted(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "gpu")
    monkeypatch.setenv("GPU_MODEL_SEES", "qwen-vl")
    put_file(aws, line(1) + line(2, SHOWN))
    shown = quote(BATCH)
    assert shown["auto"]["backend"] == "gpu" and on(shown, "gpu")["usd"]["expected"] > 0
    bedrock = on(shown, "bedrock")
    assert bedrock["usd"] is None and "Nobody on Bedrock sees the images of line 2" in bedrock["why_not"]
    words = shown["work"]["prompt_tokens"]["expected"] - 2 * (342 / 3.5 + 6)
    assert words == pytest.approx(1282, abs=2), "what they are of its context"


@pytest.mark.usefixtures("managed")
def test_somebody_elses_image_is_not_there(aws: Aws) -> None:
    put_image(aws, "eva")
    put_file(aws, line(1) + line(2, NAMED))
    status, refused = call("POST /quotes", BATCH, user_id="ana")
    assert (status, refused["error"]["code"]) == (400, "image_not_found")
    assert refused["error"]["message"].startswith("Line 2 of the file: There is no image")


def test_lines_that_are_read_cost_the_container_too(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "container")
    put_file(aws, line(1) + line(2, SHOWN))
    shown = quote(BATCH)
    container, tokens = assumed(shown, "container_usd"), shown["work"]["prompt_tokens"]["expected"]
    assert assumed(shown, "image_tokens")["expected"] == 200
    written = shown["work"]["completion_tokens"]["expected"]
    text = (tokens * 0.15 + written * 0.20) / 1e6
    assert on(shown, "bedrock")["usd"]["expected"] == pytest.approx(text + container["expected"])
    assert on(shown, "gpu")["usd"] is None


def test_images_that_are_off_are_said_with_their_line(aws: Aws) -> None:
    put_file(aws, line(1) + line(2, SHOWN))
    status, refused = call("POST /quotes", BATCH, user_id="ana")
    assert (status, refused["error"]["code"]) == (400, "images_off")
    assert "Line 2" in refused["error"]["message"] and "parameter Images" in refused["error"]["message"]
