"""Log lines: their shape, the ids that they carry, and what they never hold."""

import ast
import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.client import BaseClient

from foreverus import logs
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Prompt
from foreverus.errors import EngineFailed, PromptRejected
from foreverus.handlers import api, reap_gpus
from foreverus.worker.contact import Contact, RunInThreads
from tests.unit.batches.shards.harness import line, submit
from tests.unit.conftest import Aws
from tests.unit.worker.batches import DONE, use_engine, world_with
from tests.unit.worker.harness import World, in_jumping_time, until

SOURCE = Path(__file__).parents[2] / "src"
ASKED, ANSWERED = "what-a-person-asked", "what-the-model-said"
log = logging.getLogger("foreverus.tests")


class Context:
    aws_request_id = "request-1"


@pytest.fixture(autouse=True)
def _everything_is_captured(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    logs.start({}, Context())
    caplog.set_level(logging.DEBUG, "foreverus")
    yield
    logs.start({}, None)


def ids(record: logging.LogRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in logs.IDS if hasattr(record, name)}


def test_line_has_the_ids_that_the_event_names(caplog: pytest.LogCaptureFixture) -> None:
    path = {"conversation_id": "conv_1", "file_id": "file-1"}
    logs.start({"batch_id": "batch_1", "user_id": "user-1", "round": 1, "pathParameters": path}, Context())
    log.info("hello")
    assert ids(caplog.records[-1]) == {"batch_id": "batch_1", "conversation_id": "conv_1"}
    assert vars(caplog.records[-1])["aws_request_id"] == "request-1"


def test_next_invocation_has_none_of_the_ids_of_the_last(caplog: pytest.LogCaptureFixture) -> None:
    logs.start({"session_id": "ses_1"}, Context())
    logs.start({"session_id": None, "pathParameters": None}, Context())
    log.info("hello")
    assert ids(caplog.records[-1]) == {}


def test_reaper_that_hears_of_an_end_names_the_session(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:foreverus-gpu-session"
    detail = {"name": "ses_1", "status": "FAILED", "stateMachineArn": machine}
    reap_gpus.handler({"detail-type": "Step Functions Execution Status Change", "detail": detail}, Context())
    log.info("hello")
    assert ids(caplog.records[-1]) == {"session_id": "ses_1"}


def test_what_a_record_has_already_stays(caplog: pytest.LogCaptureFixture) -> None:
    logs.bind(session_id="ses_1")
    log.info("hello", extra={"session_id": "ses_2"})
    assert ids(caplog.records[-1]) == {"session_id": "ses_2"}


def test_nothing_but_ids_becomes_a_field() -> None:
    with pytest.raises(ValueError, match="content"):
        logs.bind(content="hello")


def test_tasks_have_ids_of_their_own_and_threads_have_their_tasks(caplog: pytest.LogCaptureFixture) -> None:
    async def work(number: int) -> None:
        logs.bind(conversation_id=f"conv_{number}")
        await asyncio.sleep(0)
        await in_thread(log.info, "in a thread: %d", number)

    async def main() -> None:
        nonlocal in_thread
        in_thread = RunInThreads(Contact(), 2, "test")
        logs.bind(session_id="ses_1")
        await asyncio.gather(work(1), work(2))
        in_thread.close()

    in_thread: Any = None
    asyncio.run(main())
    seen = {record.getMessage(): ids(record) for record in caplog.records if record.name == log.name}
    assert seen == {f"in a thread: {n}": {"session_id": "ses_1", "conversation_id": f"conv_{n}"} for n in (1, 2)}


PROGRAM = """
import logging
from foreverus import logs
logs.start({"batch_id": "batch_1"}, type("Context", (), {"aws_request_id": "request-1"}))
logging.getLogger("httpx").info("of a library")
logging.getLogger("foreverus.x").debug("in detail")
logging.getLogger("foreverus.x").info("%d lines, à bientôt", 3)
try:
    int("x")
except ValueError as err:
    try:
        raise KeyError("y") from err
    except KeyError:
        logging.getLogger("foreverus.x").exception("failed")
"""


def test_where_nothing_is_configured_lines_have_the_runtimes_shape() -> None:
    """As awslambdaric's JsonFormatter writes them, so that one query finds those of Lambdas and of workers."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    said, failed = map(json.loads, done.stdout.splitlines())
    assert done.stderr == ""
    assert said.pop("timestamp").endswith("Z")
    common = {"logger": "foreverus.x", "requestId": "request-1", "batch_id": "batch_1"}
    assert said == {**common, "level": "INFO", "message": "3 lines, à bientôt"}
    assert (failed["level"], failed["errorType"], failed["errorMessage"]) == ("ERROR", "KeyError", "'y'")
    assert failed["location"].endswith(":<module>:14") and len(failed["stackTrace"]) == 1
    assert "int" not in failed["stackTrace"][0], "causes stay out: those of libraries quote what they were given"


def test_runtimes_own_handler_stays_the_only_one() -> None:
    before = list(logging.getLogger().handlers)
    logs.configure()
    assert logging.getLogger().handlers == before
    assert all(handler.filters.count(logs._ADD_IDS) == 1 for handler in before)


# A web server is told by each request what it is about (openai_api): it has no event.
WEB_SERVERS = {"chat_completions"}
FILES = sorted((SOURCE / "foreverus" / "handlers").glob("[!_]*.py"))
HANDLERS = [path for path in FILES if path.stem not in WEB_SERVERS]


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_every_handler_begins_with_its_ids(path: Path) -> None:
    (handler,) = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == "handler"]
    assert isinstance(handler, ast.FunctionDef)
    body = handler.body[1:] if ast.get_docstring(handler) else handler.body
    assert ast.unparse(body[0]) == "logs.start(event, context)"


@pytest.mark.parametrize("name", WEB_SERVERS)
def test_a_web_server_logs_as_the_others_do(name: str) -> None:
    (path,) = [path for path in FILES if path.stem == name]
    (serve,) = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == "serve"]
    assert "logs.configure()" in ast.unparse(serve)


# ── Prompts and answers are never logged ──

WORDS = {"answer", "content", "messages", "prompt", "question", "system", "text", "thread", "title"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def last_word(node: ast.expr) -> str:
    """`question["content"]` → content, `live.text` → text, `text` → text."""
    if isinstance(node, ast.Subscript):
        node = node.slice
    return str(getattr(node, "attr", getattr(node, "id", getattr(node, "value", ""))))


def logged(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=level, value=ast.Name(id="log" | "logger"))) if level in LEVELS:
                yield from map(last_word, node.args[1:])


def test_no_line_is_given_what_people_write_or_the_model_answers() -> None:
    found = {path.name: WORDS & set(logged(ast.parse(path.read_text()))) for path in SOURCE.rglob("*.py")}
    assert {name: words for name, words in found.items() if words} == {}
    assert set(logged(ast.parse('log.info("%s %s", live.text, question["content"])'))) == {"text", "content"}


def assert_silent(caplog: pytest.LogCaptureFixture, least: int) -> None:
    """There were so many lines at least, and neither a question nor an answer is in one."""
    assert len(caplog.records) >= least
    lines = [logs.JsonFormatter().format(record) for record in caplog.records]
    assert not [text for text in lines if ASKED in text or ANSWERED in text]


class Troubled(MemoryEngine):
    """Fails, then refuses, then answers: each at its own message."""

    def __init__(self) -> None:
        super().__init__(lambda prompt: [ANSWERED], 0.1)
        self.troubles: list[Exception] = [EngineFailed("It broke."), PromptRejected("Not this.", "invalid_prompt")]

    async def complete(self, prompt: Prompt) -> Any:
        if self.troubles and ASKED in prompt.messages[-1].content:
            raise self.troubles.pop(0)
        return await super().complete(prompt)


def test_worker_that_answers_chats_with_trouble_logs_ids_and_no_words(caplog: pytest.LogCaptureFixture) -> None:
    @in_jumping_time
    async def story() -> None:
        world = World()
        world.engine.reply = lambda prompt: [f"{ANSWERED} "] * 20
        real, tries = world.answers.finish, iter([ConnectionError("the table"), ConnectionError("the table")])

        def finish(*arguments: Any) -> Any:
            if error := next(tries, None):
                raise error
            return real(*arguments)

        world.answers.finish = finish  # type: ignore[method-assign]
        request = world.ask(ASKED)
        async with world.worker():
            await world.answered(request)

    story()
    assert_silent(caplog, least=2)
    saving = [record for record in caplog.records if record.getMessage().startswith("saving ")]
    assert len(saving) == 2
    assert {tuple(ids(record).items()) for record in saving} == {
        (("session_id", "ses_1"), ("conversation_id", "conv_1"))
    }


def test_worker_that_answers_a_batch_with_trouble_logs_ids_and_no_words(caplog: pytest.LogCaptureFixture) -> None:
    @in_jumping_time
    async def story() -> None:
        world = world_with(lines=0)
        use_engine(world, Troubled())
        texts = [line(n, f"{ASKED} {n}", max_tokens=50) for n in range(1, 6)]
        for body in submit(world.batches, world.objects, texts, 5):
            world.batch.put(body)
        async with world.worker():
            await until(lambda: DONE in world.tasks.results, within_s=120)

    story()
    assert_silent(caplog, least=1)
    assert {"session_id", "batch_id"} in [ids(record).keys() for record in caplog.records]


def test_api_that_fails_at_a_message_logs_ids_and_no_words(
    aws: Aws, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> None:
        raise ConnectionError("no AWS")

    monkeypatch.setattr(BaseClient, "_make_api_call", fails)
    resource = "/conversations/{conversation_id}/messages"
    event = {
        "httpMethod": "POST",
        "resource": resource,
        "path": "/conversations/conv_1/messages",
        "pathParameters": {"conversation_id": "conv_1"},
        "requestContext": {"authorizer": {"user_id": "user-1"}},
        "body": json.dumps({"content": ASKED}),
    }
    assert api.handler(event, Context())["statusCode"] == 500
    assert_silent(caplog, least=1)
    assert ids(caplog.records[-1]) == {"conversation_id": "conv_1"}


def test_a_warm_call_looks_up_no_logger_anew() -> None:
    logs.start({}, SimpleNamespace(aws_request_id="a"))
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(logging.Logger, "setLevel", lambda *_: pytest.fail("this empties every logger's cache"))
        logs.start({}, SimpleNamespace(aws_request_id="b"))
    assert logging.getLogger("foreverus").level == logging.INFO
    assert logging.getLogger("botocore").level == logging.WARNING
