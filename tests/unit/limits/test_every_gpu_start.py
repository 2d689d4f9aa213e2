"""Whoever starts a GPU in a person's name does it within the person's limit: over OpenAI's API too, and nobody is
forgotten."""

import ast
import json
import os
from pathlib import Path

import pytest

from foreverus import bootstrap
from foreverus.access.records import Caller
from foreverus.aws import keys
from foreverus.backends.parameters import CHAT
from foreverus.backends.port import BackendName
from foreverus.limits.records import Kind
from foreverus.limits.store import CountStore
from foreverus.openai_api.records import ChosenBackend
from foreverus.openai_api.requests import Served, read_body, read_request
from foreverus.relay.backend import GpuBackend
from foreverus.sessions.records import Trigger
from foreverus.settings.openai_api import ChatCompletionsSettings
from tests.template.template import resources
from tests.unit import adapter, permissions
from tests.unit.conftest import NOW, Aws
from tests.unit.openai_api.world import NOTHING_LIVE

MOST = 3
ROOT = Path(__file__).resolve().parents[3]
COLD = json.loads((ROOT / "events" / "chat_completions" / "edge_gpu_is_cold.json").read_text(encoding="utf-8"))

COUNTED = "persons_starter"
# What starts GPUs uncounted, by who makes it: file of bootstrap/ → why it is no person's start.
NOBODYS = {
    "person_starts.py": "is what counts",
    "chat_completions.py": "a crowd's GPU, beside one that is on: nobody's",
    "chat_gpu.py": "a GPU that chats on Bedrock are worth: nobody's",
    "run_batch.py": "batches count as open batches",
    "session_ends.py": "what waits, and whose GPU was lost: it was counted when it was accepted",
    "shared.py": "a message that Bedrock could not answer: it was counted as a message",
    "sweep.py": "what waits already, and was counted when it was accepted",
    "start_bake.py": "the owner's, by a deployment's command",
    "start_scheduled_session.py": "the owner's",
}
# The functions that may start a session's execution and have no limit of a person.
UNCOUNTED = {
    *("AnswerConversation", "CloseSession", "EndSessions", "ReapGpus"),
    *("RunBatch", "StartBake", "StartScheduledSession", "Sweep"),
}


@pytest.mark.parametrize("streams", [True, False])
def test_an_api_keys_requests_start_no_more_gpus_in_an_hour_than_its_person_may(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    monkeypatch.setenv("PERSON_GPU_STARTS_PER_HOUR", str(MOST))
    monkeypatch.setattr(bootstrap.aws, "clock", lambda: NOW)
    event = {**COLD, "body": json.dumps({**json.loads(COLD["body"]), "stream": streams})}

    def asked() -> tuple[int, str, dict[str, str]]:
        with permissions.of("chat_completions", "chat_completions/edge_gpu_is_cold"):
            answer = adapter.answer(event)
        return answer["statusCode"], json.loads(answer["body"])["error"]["code"], answer["headers"]

    for _ in range(MOST):
        assert asked()[:2] == (503, "model_loading")
        assert asked()[:2] == (503, "model_loading"), "it boots: joined, and not counted"
        aws.items.delete(keys.GPU_SLOT)
    for _ in range(2):
        status, code, headers = asked()
        assert (status, code) == (429, "too_many_gpu_starts")
        assert (headers["Retry-After"], headers["X-Should-Retry"]) == ("3600", "false")
    assert list(aws.items.query(keys.GPUS)) == [], "nothing is claimed"
    counts = CountStore(aws.items)
    assert len(counts.read("user-1", Kind.GPU_STARTS).times) == MOST
    assert not counts.read("user-1", Kind.REQUESTS).held, "who is refused keeps no place"


def test_the_button_and_programs_start_of_the_same_number(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_GPU_STARTS_PER_HOUR", "1")
    assert bootstrap.api.build().sessions.starter.start("user-1", Trigger.PAGE)[1]
    aws.items.delete(keys.GPU_SLOT)
    assert adapter.answer(COLD)["statusCode"] == 429


@pytest.mark.parametrize(("spare", "starts"), [(None, True), (BackendName.BEDROCK, False)])
def test_no_gpu_is_started_for_what_another_backend_answers_too(
    aws: Aws, spare: BackendName | None, starts: bool
) -> None:
    env = ChatCompletionsSettings.from_env(os.environ)
    asked = read_request(CHAT, read_body(CHAT, COLD["body"].encode()), Served(env.model_id), NOW)
    chosen = ChosenBackend(BackendName.GPU, NOTHING_LIVE, spare)
    backend = bootstrap.chat_completions._gpu(env, asked, Caller(user_id="user-1"), chosen)
    assert isinstance(backend, GpuBackend) and backend.starts is starts


def test_every_starter_counts_or_is_nobodys() -> None:
    """A new one is to be `persons_starter`, or to say here why it is no person's."""
    uncounted, counted = set(), set()
    for path in (ROOT / "src" / "foreverus").rglob("*.py"):
        names = {_name(one) for one in ast.walk(ast.parse(path.read_text(encoding="utf-8")))}
        if names & {"starter", "starter_of_more", "SessionStarter"}:
            uncounted.add(path.name)
        if COUNTED in names:
            counted.add(path.name)
    assert uncounted == NOBODYS.keys()
    assert counted == {"api.py", "relay.py"}


def _name(node: ast.AST) -> str:
    """Of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    called = node.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.attr if called.value.id == "shared" else ""
    return called.id if isinstance(called, ast.Name) else ""


def test_every_function_that_may_start_a_session_has_the_limit_or_is_nobodys() -> None:
    functions = {
        name.removesuffix("Function"): one["Environment"]["Variables"]
        for name, one in resources("AWS::Serverless::Function").items()
        if "GPU_SESSION_ARN" in one.get("Environment", {}).get("Variables", {})
    }
    limited = {name for name, variables in functions.items() if "PERSON_GPU_STARTS_PER_HOUR" in variables}
    assert functions.keys() - limited == UNCOUNTED
    assert limited == {"Api", "ChatCompletions"}
    assert all(functions[one]["PERSON_GPU_STARTS_PER_HOUR"] == {"Ref": "PersonGpuStartsPerHour"} for one in limited)
