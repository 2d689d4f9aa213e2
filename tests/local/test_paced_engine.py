"""The paced engine: what it says, and that its speed is the clock's and nobody else's."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Delta, Finished, Health, Message, Prompt
from foreverus.batches.input.lines import read_shard
from foreverus.errors import EngineError, PromptRejected
from local.engine.orders import MISHAPS, REFUSALS, answer_to
from local.engine.pace import Steps
from local.engine.paced import Engine, Options
from local.ports import free_port
from local.processes import LOOPBACK
from tests.unit.batches.input.test_edges import CONTEXT, TAKEN
from tests.unit.batches.input.test_validation import line

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


def asking(content: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **fields}


class Scene:
    """An engine on a clock that moves only when it is told to."""

    def __init__(self, engine: Engine, url: str, times: list[float]) -> None:
        self.engine = engine
        self.url = url
        self.times = times
        self.client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=300)

    def pass_time(self, seconds: float) -> None:
        self.times[0] += seconds
        self.engine.advance()

    def ask(self, path: str = CHAT, **body: Any) -> "asyncio.Task[httpx.Response]":
        return asyncio.create_task(self.client.post(path, json=body))


@asynccontextmanager
async def scene(leaps: bool, **options: Any) -> AsyncIterator[Scene]:
    times = [100.0]

    def clock() -> float:
        times[0] += 60.0 if leaps else 0.0
        return times[0]

    engine = Engine(Options(**{"pace": 10.0, "load_s": 0.0, **options}), clock)
    server = await engine.serve()
    try:
        here = Scene(engine, f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}", times)
        async with here.client:
            yield here
    finally:
        server.close()


def play(story: Callable[[Scene], Awaitable[None]], leaps: bool = False, **options: Any) -> None:
    """`leaps`: a minute passes whenever the engine looks at its clock."""

    async def go() -> None:
        async with scene(leaps, **options) as here:
            await story(here)

    asyncio.run(asyncio.wait_for(go(), 30))


class Reader:
    """Reads a stream's numbers as they come."""

    def __init__(self, here: Scene, **body: Any) -> None:
        self.said: list[str] = []
        self.got = asyncio.Event()
        self.task = asyncio.create_task(self._read(here, {**body, "stream": True}))

    async def _read(self, here: Scene, body: dict[str, Any]) -> list[dict[str, Any]]:
        events = []
        async with here.client.stream("POST", CHAT, json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    events.append(json.loads(line.removeprefix("data: ")))
                    if said := events[-1]["choices"] and events[-1]["choices"][0]["delta"].get("content"):
                        self.said.append(said)
                        self.got.set()
        return events

    async def until(self, words: int) -> None:
        while len(self.said) < words:
            self.got.clear()
            await self.got.wait()


def test_each_stream_gets_its_pace_however_many_there_are() -> None:
    async def story(here: Scene) -> None:
        readers = [Reader(here, **asking("Hello", max_tokens=50)) for _ in range(4)]
        for reader in readers:
            await reader.until(1)  # at once
        here.pass_time(1.0)
        for reader in readers:
            await reader.until(11)
            assert "".join(reader.said) == "1 2 3 4 5 6 7 8 9 10 11"
        here.pass_time(10.0)
        for reader in readers:
            *_, last, usage = await reader.task
            assert len(reader.said) == 50 and last["choices"][0]["finish_reason"] == "length"
            assert usage["choices"] == [] and usage["usage"]["completion_tokens"] == 50

    play(story)


def test_pace_changes_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "pace"
    file.write_text("0")

    async def story(here: Scene) -> None:
        reader = Reader(here, **asking("Hello", max_tokens=100))
        await here.client.get("/health")
        here.pass_time(1000.0)
        assert (await here.client.get("/health")).status_code == 200 and reader.said == []  # held
        file.write_text("2")
        here.pass_time(0.1)
        await reader.until(1)
        here.pass_time(5.0)
        await reader.until(11)
        file.unlink()
        here.pass_time(0.1)  # it looks
        said = len(reader.said)
        here.pass_time(1.0)
        await reader.until(said + 10)
        here.pass_time(100.0)
        await reader.task

    play(story, pace_file=file)


def test_steps_follow_the_clock() -> None:
    steps = Steps(28.0, 5.0)
    for step in range(1, 10_000):
        assert steps.made(steps.at(step)) == step
    steps.change(4.0, 5.0 + 10)
    assert (steps.made(15.0), steps.made(16.0)) == (280, 284)
    steps.change(0.0, 16.0)
    assert steps.made(1e6) == 284 and steps.at(285) == float("inf")


def test_who_finds_no_slot_waits_for_one() -> None:
    async def story(here: Scene) -> None:
        first, second = Reader(here, **asking("a", max_tokens=5)), Reader(here, **asking("b", max_tokens=50))
        await first.until(1)
        await second.until(1)
        third = here.ask(**asking("c", max_tokens=1))
        await here.client.get("/health")
        assert not third.done()
        here.pass_time(1.0)
        assert (await third).json()["choices"][0]["message"]["content"] == "1"
        waits = Reader(here, **asking("d", max_tokens=5))
        await waits.until(1)
        last = here.ask(**asking("e", max_tokens=1))
        second.task.cancel()  # nobody listens: its slot is free
        assert (await last).status_code == 200
        waits.task.cancel()
        await asyncio.gather(waits.task, second.task, return_exceptions=True)

    play(story, slots=2)


def test_our_port_takes_it_for_llama_cpp() -> None:
    async def story(here: Scene) -> None:
        engine = OpenAiEngine(here.url, "any")
        assert await engine.health() is Health.GOOD
        await engine.identify()
        assert not engine.is_vllm
        counting = (Message("user", "count to 9"),)
        whole = await engine.complete(Prompt(counting, 20))
        assert (whole.text, whole.finish_reason) == ("1 2 3 4 5 6 7 8 9", "stop")
        begun = (*counting, Message("assistant", "1 2 3"))
        assert (await engine.complete(Prompt(begun, 2))).text == " 4 5"
        parts = [part async for part in engine.stream(Prompt(begun, 20))]
        assert "".join(part.text for part in parts if isinstance(part, Delta)) == " 4 5 6 7 8 9"
        assert parts[-1] == Finished("stop", 6, 6)
        text = [part async for part in engine.stream(Prompt((), 3, None, "The sea is"))]
        assert [part.text for part in text if isinstance(part, Delta)] == ["1", " 2", " 3"]
        stopped = await engine.complete(Prompt(counting, 20, None, None, {"stop": [" 4"]}))
        assert (stopped.text, stopped.finish_reason) == ("1 2 3", "stop")
        with pytest.raises(PromptRejected) as rejected:
            await engine.complete(Prompt((Message("user", "long " * 300),), 8))
        assert rejected.value.reason == "context_length_exceeded"
        await engine.aclose()

    play(story, leaps=True, context=200)


# What vLLM answers with a 400, and a part of its sentence.
VLLM_REFUSES: list[tuple[dict[str, Any], str]] = [
    ({"top_p": 0}, "top_p must be in (0, 1], got 0.0."),
    ({"stop": ""}, "stop cannot contain an empty string."),
    ({"stop": ["a", ""]}, "stop cannot contain an empty string."),
    ({"logprobs": True, "top_logprobs": 21}, "Requested sample logprobs of 21, which is greater than max allowed: 20"),
    ({"top_logprobs": 3}, "when using `top_logprobs`, `logprobs` must be set to true."),
    ({"temperature": 2.1}, "temperature must be in [0, 2], got 2.1."),
    ({"temperature": -0.1}, "temperature must be non-negative, got -0.1."),
    ({"presence_penalty": 2.1}, "presence_penalty must be in [-2, 2], got 2.1."),
    ({"max_tokens": 0}, "max_tokens must be at least 1, got 0."),
    ({"n": 2, "temperature": 0}, "n must be 1 when using greedy sampling, got 2."),
    ({"max_tokens": 201}, "max_tokens=201cannot be greater than max_model_len=max_total_tokens=200."),
    ({"max_tokens": 199}, "You passed 3 input tokens and requested 199 output tokens."),
    ({"tools": []}, "`tools` must not be an empty array."),
    ({"tool_choice": "auto"}, "When using `tool_choice`, `tools` must be set."),
    ({"stream_options": {}}, "Stream options can only be defined when `stream=True`."),
    ({"seed": 2**63}, "an integer of 64 bits"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "'name'"),
]


@pytest.mark.parametrize(("fields", "sentence"), VLLM_REFUSES, ids=lambda value: str(value)[:50])
def test_like_vllm_it_refuses_what_vllm_refuses(fields: dict[str, Any], sentence: str) -> None:
    async def story(here: Scene) -> None:
        refused = await here.ask(**asking("count to 2", **fields))
        assert refused.status_code == 400 and sentence in refused.json()["error"]["message"]
        assert (await here.ask(**asking("count to 2", max_tokens=197))).status_code == 200

    play(story, leaps=True, context=200, like_vllm=True)


def test_our_port_takes_it_for_vllm_and_cuts_a_limit_to_what_fits() -> None:
    async def story(here: Scene) -> None:
        engine = OpenAiEngine(here.url, "any")
        await engine.identify()
        assert engine.is_vllm
        counting = (Message("user", "count to 300"),)
        for limit in (197, 198, 200, 201, 1_000_000):  # three words and the answer fill a context of 200
            whole = await engine.complete(Prompt(counting, limit))
            assert (whole.completion_tokens, whole.finish_reason) == (197, "length")
            *_, last = [part async for part in engine.stream(Prompt(counting, limit))]
            assert last == Finished("length", 3, 197)
        begun = (*counting, Message("assistant", "1 2 3"))
        assert (await engine.complete(Prompt(begun, 2))).text == " 4 5"
        with pytest.raises(PromptRejected, match="longer than the model's context") as rejected:
            await engine.complete(Prompt((Message("user", "long " * 300),), 8))
        assert rejected.value.reason == "context_length_exceeded"
        await engine.aclose()

    play(story, leaps=True, context=200, like_vllm=True)


@pytest.mark.parametrize("body", TAKEN, ids=lambda body: json.dumps(body)[:60])
def test_a_line_that_is_taken_is_answered_by_an_engine_that_is_as_strict_as_vllm(body: dict[str, Any]) -> None:
    (asked,) = read_shard(line("a", **body).encode(), 1)

    async def story(here: Scene) -> None:
        engine = OpenAiEngine(here.url, "any")
        await engine.identify()
        assert (await engine.complete(asked.prompt)).completion_tokens >= 1
        parts = [part async for part in engine.stream(asked.prompt)]
        assert isinstance(parts[-1], Finished)
        await engine.aclose()

    play(story, leaps=True, pace=1000.0, context=CONTEXT, like_vllm=True)


@pytest.mark.parametrize("mishap", MISHAPS)
def test_mishap_of_a_stream_is_an_error_to_our_port_and_happens_once(mishap: str) -> None:
    prompt = Prompt((Message("user", f"count to 5, then at 3: {mishap}"),), 20)

    async def story(here: Scene) -> None:
        engine = OpenAiEngine(here.url, "any")
        with pytest.raises(EngineError):
            async for _ in engine.stream(prompt):
                pass
        parts = [part async for part in engine.stream(prompt)]
        assert "".join(part.text for part in parts if isinstance(part, Delta)) == "1 2 3 4 5"
        await engine.aclose()

    play(story, leaps=True)


@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_a_whole_answer_is_counted_in_one_piece(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def story(here: Scene) -> None:
        order = "a-1: count to 12"
        answer = (await here.ask(path, **(asking(order) if path == CHAT else {"prompt": order}))).json()
        choice = answer["choices"][0]
        assert (choice.get("text") or choice["message"]["content"]) == "1 2 3 4 5 6 7 8 9 10 11 12"
        assert answer["usage"]["completion_tokens"] == 12 and choice["finish_reason"] == "stop"
        assert capsys.readouterr().out.splitlines() == [f"asked: {order}", f"answered: {order}"]

    play(story, leaps=True)


@pytest.mark.parametrize("mishap", [*MISHAPS, *REFUSALS])
def test_a_mishap_happens_once_and_is_no_answer(mishap: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = asking(f"count to 5, then at 3: {mishap}")

    async def story(here: Scene) -> None:
        if mishap == "cut":
            with pytest.raises(httpx.RemoteProtocolError):
                await here.ask(**asked)
        else:
            bad = await here.ask(**asked)
            assert bad.status_code == {"refusal": 500, "busy": 429}.get(mishap, 200)
            assert "1 2 3 4 5" not in bad.text
        good = await here.ask(**asked)
        assert good.json()["choices"][0]["message"]["content"] == "1 2 3 4 5"
        assert capsys.readouterr().out.count("answered: ") == 1

    play(story, leaps=True)


def test_it_loads_before_it_answers() -> None:
    async def story(here: Scene) -> None:
        assert (await here.client.get("/health")).status_code == 503
        assert (await here.ask(**asking("Hello", max_tokens=1))).status_code == 503
        here.pass_time(2.0)
        assert (await here.client.get("/health")).status_code == 200
        assert (await here.ask(**asking("Hello", max_tokens=1))).status_code == 200
        assert (await here.client.get("/nothing")).status_code == 404
        assert (await here.ask(nonsense=1)).status_code == 400

    play(story, load_s=1.0)


def test_without_an_order_it_counts_to_the_end_of_its_context() -> None:
    answer = answer_to(asking("one two three"), 10)
    assert (len(answer.words), answer.finish_reason, answer.prompt_tokens) == (7, "length", 3)


def test_poison_kills_the_engine() -> None:
    port = free_port()
    command = [sys.executable, "-m", "local.engine", "--port", str(port), "--pace", "1000"]
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client:
            wait_until_ready(client)
            with pytest.raises(httpx.HTTPError):
                client.post(TEXT, json={"prompt": "count to 5, then at 3: crash"})
        assert engine.wait(10) == 1
    finally:
        engine.kill()
        engine.wait()


def wait_until_ready(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.ConnectError:
            pass
        asyncio.run(asyncio.sleep(0.05))
    raise TimeoutError("the engine does not start")
