"""The laptop's engine as a process: a real model behind OpenAI's HTTP API."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from foreverus.abilities.read_image.checking import checked
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Message, Prompt
from foreverus.errors import PromptRejected
from local.engine import weights
from local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]


class Engine:
    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            # One thread: two wait for each other by spinning, for ever where other work has the cores.
            [sys.executable, "-m", "local.engine", "--port", str(self.port), "--threads", "1", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=300, trust_env=False)

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, "the engine is not healthy"
            try:
                if self.client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)

    def chat(self, **fields: Any) -> httpx.Response:
        return self.client.post("/v1/chat/completions", json={"model": "lab", "messages": MESSAGES} | fields)

    def stop(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    running = Engine("--slots", "2", "--context", "512", "--model-id", "lab")
    try:
        running.wait()
        yield running
    finally:
        running.stop()


def test_real_model_answers(engine: Engine) -> None:
    answer = engine.chat(max_tokens=32, temperature=0).json()
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] > 0


def test_answer_streams_in_many_pieces_and_ends_with_done(engine: Engine) -> None:
    body = {"model": "lab", "messages": MESSAGES, "stream": True, "max_tokens": 32, "temperature": 0}
    with engine.client.stream("POST", "/v1/chat/completions", json=body, headers={"Connection": "close"}) as answer:
        events = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events[:-1]]
    assert len([delta for delta in deltas if delta]) > 3
    assert "Paris" in "".join(deltas)


def test_each_slot_has_the_whole_context(engine: Engine) -> None:
    slots = engine.client.get("/slots").json()
    assert [slot["n_ctx"] for slot in slots] == [512, 512]


def test_prompt_longer_than_the_context_is_refused(engine: Engine) -> None:
    refused = engine.chat(messages=[{"role": "user", "content": "word " * 600}])
    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "exceed_context_size_error"


def test_model_goes_by_the_name_that_it_was_given(engine: Engine) -> None:
    assert [model["id"] for model in engine.client.get("/v1/models").json()["data"]] == ["lab"]


def test_metrics_count_the_tokens(engine: Engine) -> None:
    assert "llamacpp:tokens_predicted_total" in engine.client.get("/metrics").text


def test_open_stream_is_finished_before_the_engine_ends() -> None:
    own = Engine("--slots", "1", "--context", "512")
    try:
        own.wait()
        body = {"messages": MESSAGES, "stream": True, "max_tokens": 8, "ignore_eos": True}
        with own.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = answer.iter_lines()
            next(lines)
            own.process.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]"
        assert own.process.wait(20) == 0
    finally:
        own.stop()


def test_engine_that_answers_nobody_ends_at_once() -> None:
    own = Engine("--slots", "1", "--context", "512")
    try:
        own.wait()
        assert own.process.stdout is not None
        assert b"healthy" in own.process.stdout.readline()  # from here on it ends as it should; /health is good before
        own.process.terminate()
        assert own.process.wait(20) == 0  # it would be 30 with the library's own teardown
    finally:
        own.stop()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / weights.FILE
    shutil.copy(weights.find(), damaged)
    with damaged.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    with pytest.raises(weights.WeightsMissing, match="make install"):
        weights.verify(damaged, tmp_path / "stamp.json")
    assert not (tmp_path / "stamp.json").exists()


def test_weights_are_checked_again_only_when_they_have_changed(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp.json"
    weights.verify(weights.find(), stamp)
    copy = tmp_path / weights.FILE
    copy.write_bytes(b"short")
    with pytest.raises(weights.WeightsMissing):
        weights.verify(copy, stamp)
    weights.verify(weights.find(), stamp)


def test_context_beyond_what_the_model_learned_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "local.engine", "--port", "1", "--context", "8193"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert refused.returncode == 1 and "8192 tokens at most" in refused.stderr


def test_real_text_model_refuses_an_image_and_never_answers_as_if_it_had_seen_it(engine: Engine) -> None:
    image = checked((ROOT / "tests" / "pictures" / "note.png").read_bytes())
    prompt = Prompt((Message("user", "What is the secret word?", images=(image,)),), 8, 0.0)

    async def ask() -> None:
        client = OpenAiEngine(f"http://127.0.0.1:{engine.port}", "lab")
        try:
            await client.complete(prompt)
        finally:
            await client.aclose()

    with pytest.raises(PromptRejected) as refused:
        asyncio.run(ask())
    assert refused.value.reason == "images_refused"
