"""A live GPU as a backend for programs: the port, a real line to the laptop's WebSocket API, the real worker."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from foreverus import bootstrap
from foreverus.aws.dynamo import Table
from foreverus.backends.port import Backend, Delta, Finished, Message, Prompt
from foreverus.bootstrap.relay import GpuBackends, gpu_backends
from foreverus.costs.usage.store import UsageStore
from foreverus.errors import EngineFailed, GpuFull, ModelLoading
from foreverus.relay.store import RequestStore
from local import deploy
from local.cloud import Cloud
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests.local.sessions import PATIENCE_S, live_instances, wait_until

pytestmark = pytest.mark.cloud

ROOT = Path(__file__).resolve().parents[2]
MODEL = deploy.PARAMETERS["ModelId"]
SLOTS = int(deploy.PARAMETERS["EngineSlots"])
SLOW, FAST = 5.0, 1000.0  # tokens a second of each stream
LONG = 300  # tokens: a minute at the slow pace, which no test waits for
SetPace = Callable[[float], None]


@dataclass(frozen=True)
class Environment:
    """As the web application's."""

    table_name: str
    gpu_session_arn: str
    chat_queue_url: str
    websocket_url: str
    engine_slots: int = SLOTS
    monthly_cap_usd: float = 50.0
    session_cap_usd: float = 5.0
    person_gpu_starts_per_hour: int = 600


class Program:
    """Somebody's program, at the port."""

    def __init__(self, cloud: Cloud, person: Person):
        self.cloud = cloud
        self.person = person
        self.user_id = self._owner()
        self.items = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])
        self.requests = RequestStore(self.items)

    def _owner(self) -> str:
        pool, users = self.cloud.stack["UserPoolId"], self.cloud.emulator.client("cognito-idp")
        found = users.admin_get_user(UserPoolId=pool, Username=self.cloud.outputs["username"])
        return next(one["Value"] for one in found["UserAttributes"] if one["Name"] == "sub")

    @property
    def environment(self) -> Environment:
        names = ("TableName", "GpuSessionArn", "ChatQueueUrl")
        return Environment(*(self.cloud.stack[name] for name in names), self.cloud.outputs["websocket_url"])

    def backends(self) -> GpuBackends:
        return gpu_backends(self.environment)

    def backend(self, backends: GpuBackends, *, starts: bool = False) -> Backend:
        return backends(self.user_id, f"Bearer {self.cloud.outputs['api_key']}", starts=starts)

    def serving(self) -> str:
        session_id, _ = self.person.start_session()
        wait_until(lambda: self.session(session_id)["status"] == "serving", "the session serves")
        return session_id

    def session(self, session_id: str) -> dict[str, Any]:
        return self.person.call("GET", f"/sessions/{session_id}")

    def nothing_is_left(self) -> bool:
        return list(self.requests.open_requests()) == []


@pytest.fixture
def program(cloud: Cloud, person: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    def client(service: str, *_: object) -> Any:
        return cloud.emulator.client(service)

    monkeypatch.setattr(bootstrap.aws, "client", client)
    yield Program(cloud, person)


def counted(limit: int) -> str:
    """What the paced engine says."""
    return " ".join(str(number) for number in range(1, limit + 1))


class Reading:
    """Reads a stream; `has` is set with its first delta."""

    def __init__(self, backend: Backend, tokens: int = LONG):
        self.text, self.end = "", None
        self.has = asyncio.Event()
        prompt = Prompt((Message("user", "Count."),), tokens, 0.0)
        self.task = asyncio.create_task(self._read(backend.stream(prompt)))

    async def _read(self, stream: AsyncGenerator[Delta | Finished, None]) -> None:
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Finished):
                    self.end = event
                else:
                    self.text += event.text
                    self.has.set()

    async def begins(self) -> None:
        """Raises what it ended with in place of a first delta."""
        begun = asyncio.create_task(self.has.wait())
        await asyncio.wait({begun, self.task}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self.task.done():
            await self.task
        assert self.has.is_set(), "no delta came"

    async def whole(self) -> str:
        await asyncio.wait_for(self.task, PATIENCE_S)
        return self.text

    async def leave(self) -> None:
        """As a server does whose client has gone."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def test_words_come_while_they_are_written_and_are_counted_once(program: Program, set_pace: SetPace) -> None:
    set_pace(SLOW)
    session_id = program.serving()
    day = bootstrap.aws.clock().date().isoformat()
    used_before = UsageStore(program.items).day(program.user_id, day).tokens

    async def story() -> Finished | None:
        one = Reading(program.backend(program.backends()))
        await one.begins()
        assert one.end is None and len(one.text) < len(counted(LONG))
        set_pace(0)  # the engine has not come to its end, and will not
        (open_request,) = program.requests.open_requests()
        assert not open_request.is_over
        set_pace(FAST)
        assert await one.whole() == counted(LONG)
        return one.end

    end = asyncio.run(story())
    assert end is not None and (end.finish_reason, end.completion_tokens) == ("length", LONG)
    assert program.nothing_is_left()
    usage = program.session(session_id)["usage"]
    assert usage == {"prompt_tokens": end.prompt_tokens, "completion_tokens": LONG, "messages": 1}
    used = UsageStore(program.items).day(program.user_id, day).tokens - used_before
    assert used == end.prompt_tokens + LONG
    program.person.end_session(session_id)
    receipt = program.session(session_id)["receipt"]
    assert (receipt["completion_tokens"], receipt["messages"]) == (LONG, 1)


def test_as_many_as_there_are_slots_are_served_at_once_beside_a_chat(program: Program, set_pace: SetPace) -> None:
    set_pace(SLOW)
    program.serving()
    talk = program.person.converse("You count.")

    async def story() -> None:
        backends = program.backends()
        message_id = await asyncio.to_thread(program.person.ask, talk, "Count.", LONG)
        await asyncio.to_thread(program.person.wait_for, "delta", message_id=message_id)
        readings = [Reading(program.backend(backends)) for _ in range(SLOTS - 1)]
        for one in readings:
            await one.begins()
        assert not any(one.task.done() for one in readings)  # all at once, and none waits for another
        with pytest.raises(GpuFull):
            await Reading(program.backend(backends)).begins()
        first, *others = readings
        await first.leave()
        late = Reading(program.backend(backends))
        await late.begins()  # in the slot of the one that left
        assert not any(one.task.done() for one in others)
        set_pace(FAST)
        assert [await one.whole() for one in (*others, late)] == [counted(LONG)] * (SLOTS - 1)
        _, frame = await asyncio.to_thread(program.person.wait_for, "message")
        assert frame["message"]["content"] == counted(LONG)

    asyncio.run(story())
    wait_until(program.nothing_is_left, "nothing of what was asked is kept")


def test_a_cold_gpu_is_started_and_a_client_that_tries_again_is_answered(program: Program, set_pace: SetPace) -> None:
    set_pace(FAST)

    async def story() -> str:
        backends = program.backends()
        with pytest.raises(ModelLoading):
            await Reading(program.backend(backends), 5).begins()  # it may not start one
        assert await asyncio.to_thread(live_instances, program.cloud) == []
        waits = []
        while True:
            one = Reading(program.backend(backends, starts=True), 5)
            try:
                text = await one.whole()
                assert waits and all(0 < wait < 600 for wait in waits)
                return text
            except ModelLoading as err:
                waits.append(err.retry_after_s)
                assert len(waits) < 600
                await asyncio.sleep(0.5)

    assert asyncio.run(story()) == counted(5)
    assert len(program.person.call("GET", "/sessions")["data"]) >= 1
    assert program.nothing_is_left()


def test_a_gpu_that_is_lost_in_mid_answer_ends_the_stream_in_an_error(program: Program, set_pace: SetPace) -> None:
    set_pace(SLOW)
    session_id = program.serving()
    (instance_id,) = live_instances(program.cloud)

    async def story() -> str:
        one = Reading(program.backend(program.backends()))
        await one.begins()
        faults.kill(Places(Path(program.cloud.state.directory)), instance_id, "worker")
        with pytest.raises(EngineFailed):
            await one.whole()
        return one.text

    text = asyncio.run(story())
    assert text and counted(LONG).startswith(text)
    assert program.nothing_is_left()
    wait_until(lambda: program.session(session_id)["status"] == "failed", "nobody keeps or buys a GPU for it")
    assert live_instances(program.cloud) == []


def test_the_official_client_is_answered_by_the_gpu_and_wakes_it_by_its_own_retries(
    program: Program, set_pace: SetPace
) -> None:
    set_pace(FAST)
    program.person.end_session(program.serving())  # how long a boot takes is learned from it
    asked: dict[str, Any] = {"model": f"{MODEL}@gpu", "messages": [{"role": "user", "content": "Count."}]}
    url, key = program.cloud.outputs["api_url"], program.cloud.outputs["api_key"]
    with OpenAI(base_url=url, api_key=key, max_retries=60, timeout=PATIENCE_S) as client:
        whole = client.chat.completions.create(**asked, max_tokens=5)  # nothing is live: 503, and it tries again
        assert whole.choices[0].message.content == counted(5) and whole.model == asked["model"]
        set_pace(SLOW)
        stream = client.chat.completions.create(**asked, max_tokens=LONG, stream=True)
        text = ""
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
            if text:
                break
        assert counted(LONG).startswith(text)
        assert not program.nothing_is_left()  # the engine is still writing
        stream.close()
        wait_until(program.nothing_is_left, "who goes stops the work")
        set_pace(FAST)
        stream = client.chat.completions.create(**asked, max_tokens=LONG, stream=True)
        chunks = list(stream)
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == counted(LONG)
    assert len(chunks) > LONG / 2  # each token by itself


DYING = """
import asyncio, json, os, sys
from foreverus.bootstrap.relay import gpu_backends
from tests.local.test_relay import Environment, Reading

async def main():
    fields, user_id, key = json.loads(sys.argv[1])
    one = Reading(gpu_backends(Environment(**fields))(user_id, f"Bearer {key}", starts=False))
    await one.begins()
    print("begun", flush=True)
    await one.whole()

asyncio.run(main())
"""


def test_a_program_that_is_killed_leaves_no_work_behind(program: Program, set_pace: SetPace) -> None:
    set_pace(SLOW)
    program.serving()
    asked = [asdict(program.environment), program.user_id, program.cloud.outputs["api_key"]]
    environment = {**os.environ, **program.cloud.emulator.environment(), "PYTHONPATH": "src:."}
    with subprocess.Popen(
        [sys.executable, "-c", DYING, json.dumps(asked)], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        assert not program.nothing_is_left()
        process.kill()
    wait_until(program.nothing_is_left, "its worker has seen that nobody listens")
