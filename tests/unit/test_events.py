"""Every sample event of events/ is run: they are what `sam local invoke -e` takes, and contracts of the handlers."""

import importlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import bootstrap
from foreverus.access.records import ApiKey, Caller, digest_of
from foreverus.access.store import ApiKeyStore
from foreverus.access.tickets import TicketStore
from foreverus.api.openapi.operations import operations
from foreverus.aws import ability_keys, credential_keys, keys, person_keys, socket_keys
from foreverus.aws.lambda_functions import LambdaFunction
from foreverus.aws.push import MemoryPush
from foreverus.backends.memory import MemoryEngine
from foreverus.costs.money import exact
from foreverus.costs.purse import PurseStore
from foreverus.costs.reservations import Owner, Reservation
from foreverus.documents.reading.apart import unpacked
from foreverus.errors import (
    AnotherSessionIsLive,
    BackendUnavailable,
    InvalidRequest,
    NotFound,
    ResultsNotStored,
    SpendCapReached,
)
from foreverus.privacy.erasing import PeopleNotErased
from foreverus.privacy.export.job import NotExported
from foreverus.sessions.pending import PendingWorkStore, move_writes
from foreverus.settings.base import MissingSetting
from tests.unit import adapter, batch_events, permissions
from tests.unit.api.openapi.described import undescribed
from tests.unit.batch_events import BAD_BATCH, BATCH
from tests.unit.conftest import Aws, make_pool, session_item

EVENTS = Path(__file__).parents[2] / "events"
HANDLERS = Path(__file__).parents[2] / "src" / "foreverus" / "handlers"

SESSION = "ses_019b76daa8000000000000000001"
CONVERSATION = "conv_019b76daa8000000000000000001"
MESSAGE = "msg_019b76daa8000000000000000001"
CONNECTION = "L0SM9cOFvHcCIhw="
KEY = "key_019b76daa8000000000000000001"
TASKS = "arn:aws:ecs:us-east-1:123456789012:task/foreverus-abilities"
TICKET = "ft_exampleticketexampleticketexampleticketexa0"
API_KEY = "fu_examplekeyexamplekeyexamplekeyexamplek0"


def cases() -> list[str]:
    return sorted(path.relative_to(EVENTS).with_suffix("").as_posix() for path in EVENTS.rglob("*.json"))


@pytest.fixture
def push(monkeypatch: pytest.MonkeyPatch) -> MemoryPush:
    sent = MemoryPush()
    for topic in (keys.session_topic(SESSION), keys.conversation_topic(CONVERSATION)):
        sent.topics[topic] = {CONNECTION}
    sent.frames = {connection_id: [] for connection_id in (CONNECTION, "NewConnection=", "NeverSeen=")}
    monkeypatch.setattr(bootstrap.aws, "push", lambda: sent)
    return sent


@pytest.fixture
def world(aws: Aws, push: MemoryPush, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """One user with a live session, a conversation with a waiting message, an API key and an open page."""
    aws.put(**session_item(SESSION))
    aws.put(**keys.GPU_SLOT, session_id=SESSION, claimed_at="2026-01-01T00:00:00.000Z")
    aws.put(**session_item("ses_still_live"))
    at = {"created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z"}
    for user, conversation in (("user-1", CONVERSATION), ("user-2", "conv_of_user_2")):
        key = keys.conversation_key(user, conversation)
        aws.put(**key, conversation_id=conversation, user_id=user, title="", system="", **at)
    reference = {"message_id": MESSAGE, "conversation_id": CONVERSATION, "user_id": "user-1"}
    question = {**reference, "content": "Olá", "options": {}, "created_at": at["created_at"]}
    aws.put(**keys.question_key(CONVERSATION, MESSAGE), **question)
    aws.put(**keys.pending_key(MESSAGE), **reference, created_at=at["created_at"])
    ApiKeyStore(aws.api_keys).create(
        ApiKey(
            key_id=KEY,
            user_id="user-1",
            digest=digest_of(API_KEY),
            name="sample",
            last_four=API_KEY[-4:],
            created_at=at["created_at"],
        )
    )
    aws.put(**socket_keys.connection_key(CONNECTION), user_id="user-1", expires_at=1_767_300_000)
    run = {"run_id": "run_019b76daa8000000000000000001", "phase": "starting", "task_token": "a-token"}
    aws.put(**ability_keys.run_key(), **run, task_arn=f"{TASKS}/b99d40b39c1a4f0f8b6a4a3c3c5a2f10")
    batch_events.put_batches(aws)
    engine = MemoryEngine(lambda prompt: ["Oi"], 0)
    monkeypatch.setattr(bootstrap.shared, "bedrock_backend", lambda *which: engine)
    call = LambdaFunction.call
    called.clear()

    def answer_conversation(self: LambdaFunction, event: Any = None) -> None:
        """moto has no such function: it is asked, and takes the call."""
        called.append((self.name, event))
        try:
            call(self, event)
        except ClientError:
            if "AnswerConversation" not in self.name:
                raise

    monkeypatch.setattr(LambdaFunction, "call", answer_conversation)
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html>")
    (site / "assets" / "page-1a2b.js").write_text("export {}")
    for part in ("foreverus", "requirements"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "something").write_text("of the package")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    return aws


def invoke(case: str) -> Any:
    """What Lambda does with a sample event."""
    function = case.split("/", maxsplit=1)[0]
    event = json.loads((EVENTS / f"{case}.json").read_text(encoding="utf-8"))
    with permissions.of(function, case):
        if function == "chat_completions":  # a web server beside the Lambda Web Adapter
            result = adapter.answer(event)
        else:
            result = importlib.import_module(f"foreverus.handlers.{function}").handler(event, Context())
    route = f"{event.get('httpMethod')} {event.get('resource')}"
    of_rest = function in ("api", "chat_completions", "manage_account", "manage_keys")
    if of_rest and "text/event-stream" not in json.dumps(result) and route in operations():
        assert undescribed(route, result) == ""
    return result


class Context:
    """What Lambda knows of an invocation, as far as a handler asks."""

    function_name = "foreverus-AnswerConversationFunction"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def shows(name: str, value: str | None) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        body = json.loads(result["body"])
        assert (result["statusCode"], body[name]) == (200, value), body

    return check


def accepted_on_bedrock(result: Any, world: Aws, push: MemoryPush) -> None:
    body = json.loads(result["body"])
    assert (result["statusCode"], body["session"], body["answer"]["choice"]["reason"]) == (202, None, "as_asked"), body
    (waiting,) = PendingWorkStore(world.items).on_bedrock()
    assert waiting.message_id == body["message"]["id"] and not waiting.may_move
    asked = {"conversation_id": waiting.conversation_id, "user_id": waiting.user_id}
    assert called == [(ANSWERS_CONVERSATIONS, asked)]


def rest(status: int, code: str | None = None, param: str | None = None) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        body = json.loads(result["body"])
        assert result["statusCode"] == status, body
        if status >= 400:
            assert (body["error"]["code"], body["error"]["param"]) == (code, param)
            assert body["error"]["message"]

    return check


def completed(text: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        body = json.loads(result["body"])
        assert result["statusCode"] == 200, body
        said = body["choices"][0]
        assert said.get("text", said.get("message", {}).get("content")) == text
        assert result["headers"]["X-Ratelimit-Remaining-Requests"] == "59"
        assert not list(world.items.query(keys.purse_partition(this_month()), "RESERVED#")), "settled"

    return check


def this_month() -> str:
    return bootstrap.aws.clock().isoformat()[:7]


def streamed(result: Any, world: Aws, push: MemoryPush) -> None:
    assert result["headers"]["Content-Type"].startswith("text/event-stream")
    assert result["body"].endswith("data: [DONE]\n\n") and '"content":"Oi"' in result["body"]


def authorized(user_id: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        statement = result["policyDocument"]["Statement"][0]
        assert statement["Effect"] == "Allow"
        assert statement["Resource"].endswith("/v1/*")
        assert result["context"] == {"user_id": user_id, "key_id": KEY, "can_create_keys": "false"}

    return check


def holder(result: Any, world: Aws, push: MemoryPush) -> None:
    assert result["principalId"] == "user-1"
    assert result["context"] == {"user_id": "user-1", "can_create_keys": "false", "ends_at": "2099-01-01T12:15:00.000Z"}


def frame(kind: str, connection_id: str = CONNECTION, **fields: Any) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"statusCode": 200}
        (sent,) = push.frames[connection_id]
        assert sent["type"] == kind
        assert {name: sent["error"][name] if kind == "error" else sent[name] for name in fields} == fields

    return check


def shown_sessions(*versions: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"frames": len(versions)}
        assert [sent["session"]["version"] for sent in push.frames.get(CONNECTION, [])] == list(versions)
        assert "task_token" not in json.dumps(push.frames)

    return check


def noted_people(*user_ids: str) -> Callable[[Any, Aws, MemoryPush], None]:
    """PostgreSQL has older copies of them."""

    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"frames": 0}
        assert [item["sk"] for item in world.items.query(person_keys.UNCOPIED_PEOPLE)] == list(user_ids)

    return check


def closed(status: str, session_id: str = SESSION, *, told: bool = True) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result["status"] == status
        record = world.items.get(keys.session_key(session_id)) or {}
        assert record["status"] == status
        assert record["ended_at"]
        slot = world.items.get(keys.GPU_SLOT) or {}
        assert slot.get("session_id") != session_id
        assert result["notification"]["subject"].isascii() if told else result["notification"] is None
        assert "Olá" not in json.dumps(result, ensure_ascii=False)

    return check


def notified_of(words: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        (message,) = world.notifications()
        assert words in message["Body"]

    return check


def rejected(code: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        closed("failed")(result, world, push)
        assert world.items.get(keys.pending_key(MESSAGE)) is None
        answer = world.items.get(keys.answer_key(CONVERSATION, MESSAGE)) or {}
        assert (answer["status"], answer["error"]["code"]) == ("failed", code)
        (frame,) = push.frames[CONNECTION]
        assert frame["message"]["error"]["message"].startswith("The GPU session failed.")

    return check


def stopped(result: Any, world: Aws, push: MemoryPush) -> None:
    rest(200)(result, world, push)
    assert world.items.get(keys.pending_key(MESSAGE)) is None
    answer = world.items.get(keys.answer_key(CONVERSATION, MESSAGE)) or {}
    assert (answer["status"], answer["finish_reason"], answer["content"]) == ("answered", "stopped", "")
    (frame,) = push.frames[CONNECTION]
    assert frame["message"] == json.loads(result["body"])


ANSWERS_CONVERSATIONS = "arn:aws:lambda:us-east-1:123456789012:function:foreverus-AnswerConversationFunction"
called: list[tuple[str, Any]] = []  # functions, and with what
CALL = {"conversation_id": CONVERSATION, "user_id": "user-1"}


def handed_to_bedrock(count: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"session_id": SESSION, "moved": count, "left": 0}
        assert (world.items.get(keys.pending_on_bedrock_key(MESSAGE)) is not None) == bool(count)
        assert (world.items.get(keys.pending_key(MESSAGE)) is None) == bool(count)
        assert [event for _, event in called] == [CALL] * count

    return check


def answered_on_bedrock(count: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"conversation_id": CONVERSATION, "state": "done", "ended": count}
        answer = world.items.get(keys.answer_key(CONVERSATION, MESSAGE)) or {}
        assert answer.get("backend") == ("bedrock" if count else None)
        said = [frame["message"]["content"] for frame in push.frames[CONNECTION] if frame["type"] == "message"]
        assert said == ["Oi"] * count
        assert world.items.get(keys.pending_on_bedrock_key(MESSAGE)) is None

    return check


def went_to_the_gpu(result: Any, world: Aws, push: MemoryPush) -> None:
    assert result == {"conversation_id": CONVERSATION, "state": "done", "ended": 0}
    assert world.items.get(keys.pending_key(MESSAGE)) and not world.items.get(keys.pending_on_bedrock_key(MESSAGE))
    assert [json.loads(one["Body"])["message_id"] for one in world.queued()] == [MESSAGE]
    assert world.items.get(keys.GPU_SLOT)


def result_is(expected: Any) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == expected

    return check


def leaving_of(user_id: str, leaves: bool) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        rest(202)(result, world, push)
        owed = world.items.get(keys.owed_deletion_key("person", user_id))
        assert owed and owed["receipt_id"] == json.loads(result["body"])["id"]
        assert list(world.api_keys.query(credential_keys.api_keys_partition(user_id))) == []

    return check


def exporting(result: Any, world: Aws, push: MemoryPush) -> None:
    rest(202)(result, world, push)
    shown = json.loads(result["body"])
    assert shown["status"] == "running"
    assert [item["sk"] for item in world.items.query(keys.EXPORTS)] == [shown["id"]]


def made(result: Any, world: Aws, push: MemoryPush) -> None:
    assert result == {"export_1": "ready"}
    file = bootstrap.aws.objects(world.data_bucket)
    assert file.size("exports/user-1/export_1.zip")


def gone(result: Any, world: Aws, push: MemoryPush) -> None:
    """The person's conversation is another function's, the batch is cancelled: asked for again, until both are gone."""
    assert result == []
    assert batch_events.record(world).status == "cancelling"
    owed = world.items.get(keys.owed_deletion_key("conversation", CONVERSATION))
    assert owed and list(world.items.query(keys.messages_partition(CONVERSATION))) == []


def ended_for_good(result: Any, world: Aws, push: MemoryPush) -> None:
    """Nothing of the stack runs any more."""
    assert result is None
    for arn in (world.gpu_session_arn, world.batch_run_arn):
        assert bootstrap.aws.machine(arn).running() == []


def validated(valid: bool, batch_id: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"valid": valid, "lines": 2 if valid else 0}
        batch = batch_events.record(world, batch_id)
        assert batch.status == ("in_progress" if valid else "failed")
        assert [(one.code, one.line) for one in batch.errors] == ([] if valid else [("invalid_json", 3)])

    return check


def planned(next_: str, round_: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert (result["next"], result["round"]) == (next_, round_)
        assert 0 < result["seconds"] <= 168 * 3600
        batch = batch_events.record(world)
        assert (batch.round, batch.newest_round.planned) == (round_, next_)
        assert batch.choice_text.startswith("gpu: " if next_ == "gpu" else "wait 300 s")

    return check


def offered(shards: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result is None
        assert [one["shard"] for one in batch_events.shards_queued()] == list(range(shards))
        assert (world.items.get(keys.pending_key(BATCH)) is not None) == bool(shards)
        assert bool(batch_events.record(world).task_token) == bool(shards)

    return check


def answered(left: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"left": left}
        assert len(batch_events.results(world)) == 2 - left

    return check


def finished(status: str, in_output: int, people_are_told: bool) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert (result["batch_id"], result["status"]) == (BATCH, status)
        assert "Olá" not in json.dumps(result, ensure_ascii=False)
        batch = batch_events.record(world)
        assert batch.status == status
        files = {name: getattr(batch.result, f"{name}_file_id") for name in ("output", "error")}
        lines = {n: batch_events.content(world, f"files/user-1/{f}") if f else [] for n, f in files.items()}
        assert (len(lines["output"]), len(lines["error"])) == (in_output, 2 - in_output)
        bodies = [message["Body"] for message in world.notifications()]
        assert [BATCH in body for body in bodies] == [True] * people_are_told

    return check


def started(batches: int, skipped: str | None) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert (len(result["batches"]), result["skipped"]) == (batches, skipped)
        running = bootstrap.aws.client("stepfunctions").list_executions(stateMachineArn=world.batch_run_arn)[
            "executions"
        ]
        assert sorted(one["name"] for one in running) == sorted(result["batches"])
        assert bool(world.notifications()) == bool(skipped)

    return check


def sent_letter(*sentences: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        (told,) = world.notifications()
        assert result["subject"] and all(one in told["Body"] for one in sentences), told["Body"]

    return check


def started_session(new: bool, skipped: str | None = None) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert (result["started"], result["skipped"]) == (new, skipped)
        slot = world.items.get(keys.GPU_SLOT) or {}
        assert result["session_id"] == slot.get("session_id")
        listed = bootstrap.aws.client("stepfunctions").list_executions(stateMachineArn=world.gpu_session_arn)
        assert [one["name"] for one in listed["executions"]] == [result["session_id"]] * new
        assert len(world.notifications()) == bool(skipped)

    return check


def started_bake(result: Any, world: Aws, push: MemoryPush) -> None:
    slot = world.items.get(keys.GPU_SLOT) or {}
    assert result == {"session_id": slot["session_id"]}
    record = world.items.get(keys.session_key(result["session_id"])) or {}
    assert (record["trigger"], record["bake_token"]) == ("bake", "token-1")


def connection_is(known: bool, connection_id: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"statusCode": 200}
        assert (world.items.get(socket_keys.connection_key(connection_id)) is not None) == known

    return check


def reaped_session(status: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"reaped": []}
        assert (world.items.get(keys.session_key("ses_still_live")) or {})["status"] == status

    return check


def refuses_runs(refused: bool) -> Callable[[Any, Aws, MemoryPush], None]:
    """A task cannot start: for a while nobody starts another one."""

    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result == {"reaped": []}
        assert (world.items.get(ability_keys.refusal_key()) is not None) == refused

    return check


def site_has(*keys: str) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        listed = bootstrap.aws.client("s3").list_objects_v2(Bucket=world.bucket).get("Contents", [])
        assert {entry["Key"] for entry in listed} == set(keys)

    return check


def worker_packages(count: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        listed = bootstrap.aws.client("s3").list_objects_v2(Bucket=world.data_bucket).get("Contents", [])
        assert len([entry for entry in listed if entry["Key"].startswith("worker/")]) == count

    return check


def passwords_are(count: int) -> Callable[[Any, Aws, MemoryPush], None]:
    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert result is None
        assert (
            len(bootstrap.aws.client("ssm").get_parameters_by_path(Path="/foreverus/database")["Parameters"]) == count
        )

    return check


def swept(messages: list[str], batches: list[str]) -> Callable[[Any, Aws, MemoryPush], None]:
    """The API had crashed between the record of a batch and its execution, and between a message and its queue."""

    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert {name: did for name, did in result.items() if did} == {
            name: did
            for name, did in (
                ("stuck messages", [f"{message} queued again" for message in messages]),
                ("abandoned batches", [f"{batch} started" for batch in batches]),
            )
            if did
        }
        running = bootstrap.aws.client("stepfunctions").list_executions(stateMachineArn=world.batch_run_arn)[
            "executions"
        ]
        assert [one["name"] for one in running] == batches

    return check


def marked(result: Any, world: Aws, push: MemoryPush) -> None:
    """The batch's end was told by the machine: the sweep has nothing to tell."""
    assert result is None
    assert list(world.items.query(keys.outbox_partition(keys.BATCHES))) == []


def file_content(result: Any, world: Aws, push: MemoryPush) -> None:
    assert (result["statusCode"], result["body"]) == (200, batch_events.INPUT.decode())
    assert not result.get("isBase64Encoded")  # API Gateway decodes it for some clients only


def new_key(result: Any, world: Aws, push: MemoryPush) -> None:
    """It opens at once, and nobody finds it in the table."""
    body = json.loads(result["body"])
    assert result["statusCode"] == 201
    assert re.fullmatch(r"fu_[0-9A-Za-z]{43}", body["key"])
    found = ApiKeyStore(world.api_keys).find(body["key"])
    assert found and (found.user_id, found.key_id, found.name) == ("user-1", body["id"], "café no laptop")
    stored = bootstrap.aws.client("dynamodb").scan(TableName=world.api_keys.name)["Items"]
    assert body["key"] not in json.dumps(stored)


Expectation = Callable[[Any, Aws, MemoryPush], None] | type[Exception]


def packs(*texts: str) -> Callable[[Any, Aws, MemoryPush], None]:
    """What the reader answers, unpacked."""

    def check(result: Any, world: Aws, push: MemoryPush) -> None:
        assert tuple(one.text for one in unpacked(json.dumps(result).encode()).blocks) == texts

    return check


EXPECTED: dict[str, Expectation] = {
    "api/good_start_session": rest(200),  # somebody's is live: joined
    "api/good_list_sessions": rest(200),
    "api/good_get_session": rest(200),
    "api/good_end_session": rest(202),
    "api/good_session_work": rest(200),
    "api/good_create_conversation": rest(201),
    "api/good_list_conversations": rest(200),
    "api/good_get_conversation": rest(200),
    "api/good_change_conversation": shows("backend", "gpu"),
    "api/good_delete_conversation": rest(200),
    "api/good_create_prompt": rest(201),
    "api/good_list_prompts": rest(200),
    "api/good_create_memory": rest(201),
    "api/good_list_memories": rest(200),
    "api/bad_memory_too_long": rest(400, "invalid_field", "text"),
    "api/edge_somebody_elses_memory": rest(404, "memory_not_found", "memory_id"),
    "api/good_import": shows("taken", 1),
    "api/bad_import_source": rest(400, "invalid_field", "source"),
    "api/bad_prompt_without_text": rest(400, "missing_field", "text"),
    "api/edge_somebody_elses_prompt": rest(404, "prompt_not_found", "prompt_id"),
    "api/good_post_message": rest(202),
    "api/good_post_message_on_bedrock": accepted_on_bedrock,
    "api/good_stop_message": stopped,
    "api/edge_regenerate_what_waits": rest(409, "conversation_busy", "replaces"),
    "api/good_list_messages": rest(200),
    "api/good_list_models": rest(200),
    "api/good_get_model": rest(200),
    "api/bad_model": rest(404, "model_not_found", "model"),
    "api/edge_embeddings": rest(404, "no_embeddings"),
    "chat_completions/good_chat": completed("Oi"),
    "chat_completions/good_stream": streamed,
    "chat_completions/good_text": completed("Oi"),
    "chat_completions/edge_gpu_is_cold": rest(503, "model_loading"),
    "chat_completions/edge_gpu_alone_can": rest(400, "unsupported_parameter", "logprobs"),
    "chat_completions/bad_model": rest(404, "model_not_found", "model"),
    "chat_completions/bad_two_answers": rest(400, "invalid_field", "n"),
    "chat_completions/bad_no_user": rest(401),
    "api/good_document": rest(200),
    "api/good_usage": rest(200),
    "api/good_usage_by_day": rest(200),
    "api/bad_usage_day": rest(400, "invalid_field", "from"),
    "api/good_quote_session": rest(200),
    "api/good_quote_chat": rest(200),
    "api/good_quote_batch": rest(200),
    "api/bad_quote": rest(400, "missing_field", "minutes"),
    "api/edge_empty_body": rest(200),
    "api/edge_somebody_elses_conversation": rest(404, "conversation_not_found", "conversation_id"),
    "api/edge_message_longer_than_the_context": rest(400, "context_length_exceeded", "content"),
    "api/good_upload_file": rest(200),
    "api/good_announce_file": rest(200),
    "api/good_list_files": rest(200),
    "api/good_get_file": rest(200),
    "api/good_file_content": file_content,
    "api/good_delete_file": rest(200),
    "api/good_create_upload": rest(200),
    "api/good_add_part": rest(200),
    "api/good_complete_upload": rest(200),
    "api/good_cancel_upload": rest(200),
    "api/bad_part_of_another_upload": rest(400, "part_not_found", "part_ids"),
    "api/good_create_batch": rest(200),
    "api/good_list_batches": rest(200),
    "api/good_get_batch": rest(200),
    "api/good_cancel_batch": rest(200),
    "api/edge_input_that_is_not_there": rest(404, "file_not_found", "input_file_id"),
    "api/bad_completion_window": rest(400, "invalid_field", "completion_window"),
    "api/bad_purpose": rest(400, "invalid_field", "purpose"),
    "api/bad_unknown_field": rest(400, "unknown_field", "idle_secs"),
    "api/bad_missing_content": rest(400, "missing_field", "content"),
    "api/bad_backend": rest(400, "invalid_field", "backend"),
    "api/bad_temperature": rest(400, "invalid_field", "temperature"),
    "api/bad_json": rest(400, "invalid_json"),
    "api/bad_limit": rest(400, "invalid_field", "limit"),
    "api/bad_no_user": rest(401),
    "api/bad_unknown_route": rest(404, "unknown_route"),
    "authorize/good_api_key": authorized("user-1"),
    "authorize/edge_lower_case_header": authorized("user-1"),
    "authorize/edge_websocket_query": authorized("user-1"),
    "authorize/good_ticket": holder,
    "authorize/bad_ticket_used_twice": Exception,
    "authorize/bad_token_in_an_address": Exception,
    "authorize/bad_unknown_key": Exception,
    "authorize/bad_unknown_key_of_a_websocket": Exception,
    "authorize/bad_token_of_another_pool": Exception,
    "authorize/bad_no_credential": Exception,
    "manage_keys/good_create": new_key,
    "manage_keys/good_list": rest(200),
    "manage_keys/good_ticket": rest(201),
    "manage_keys/good_revoke": rest(200),
    "manage_keys/edge_key_that_may_not_make_keys": rest(403, "key_cannot_create_keys"),
    "manage_keys/edge_somebody_elses_key": rest(404, "key_not_found", "key_id"),
    "manage_keys/bad_blank_name": rest(400, "invalid_field", "name"),
    "manage_keys/bad_expired_already": rest(400, "invalid_field", "expires_at"),
    "manage_keys/bad_no_user": rest(401),
    "manage_account/good_delete": leaving_of("user-1", True),
    "manage_account/edge_key_that_may_not": rest(403, "key_cannot_delete_account"),
    "manage_account/bad_not_confirmed": rest(400, "invalid_field", "confirm"),
    "manage_account/good_preferences": shows("backend", None),
    "manage_account/good_change_preferences": shows("backend", "bedrock"),
    "manage_account/bad_preference": rest(400, "invalid_field", "backend"),
    "manage_account/good_export": exporting,
    "manage_account/edge_export_anew": exporting,
    "export_data/good_open": made,
    "export_data/edge_nothing_open": result_is({}),
    "export_data/bad_user_pool_is_gone": NotExported,
    "erase_people/good_sweep": gone,
    "erase_people/edge_nobody_left": result_is([]),
    "erase_people/bad_user_pool_is_gone": PeopleNotErased,
    "websocket/good_connect": connection_is(True, "NewConnection="),
    "websocket/good_disconnect": connection_is(False, CONNECTION),
    "websocket/good_subscribe_conversation": frame("subscribed", conversation_id=CONVERSATION),
    "websocket/good_subscribe_session": frame("subscribed", session_id=SESSION),
    "websocket/good_unsubscribe": frame("unsubscribed", session_id=SESSION),
    "websocket/good_ping": frame("pong"),
    "websocket/edge_disconnect_twice": connection_is(False, "NeverSeen="),
    "websocket/edge_expired_connection": frame("error", "NeverSeen=", type="authentication_error"),
    "websocket/edge_somebody_elses_conversation": frame("error", code="conversation_not_found"),
    "websocket/bad_not_json": frame("error", code="invalid_json"),
    "websocket/bad_unknown_action": frame("error", param="action"),
    "websocket/bad_two_topics": frame("error", param="session_id"),
    "publish_changes/good_session_changed": shown_sessions(3),
    "publish_changes/edge_two_changes_of_one_session": shown_sessions(4),
    "publish_changes/edge_spend_notice": notified_of("80 % of its spend cap of US$ 4"),
    "publish_changes/edge_another_item": shown_sessions(),
    "publish_changes/good_people_changed": noted_people("user-1", "user-2"),
    "publish_changes/bad_no_records": KeyError,
    "close_session/good_idle": closed("ended"),
    "close_session/good_spend_cap": closed("ended"),
    "close_session/edge_failed_before_launch": rejected("NoGpuCapacity"),
    "close_session/edge_unknown_session": closed("ended", "ses_that_nobody_claimed", told=False),
    "close_session/bad_fleet_without_time": InvalidRequest,
    "close_session/bad_no_session": InvalidRequest,
    "answer_chats/good_no_gpu": handed_to_bedrock(1),
    "answer_chats/edge_another_session_has_a_gpu": handed_to_bedrock(0),
    "answer_conversation/good_waits_for_bedrock": answered_on_bedrock(1),
    "answer_conversation/edge_nothing_waits": answered_on_bedrock(0),
    "answer_conversation/edge_goes_to_the_gpu": went_to_the_gpu,
    "answer_conversation/bad_no_conversation": InvalidRequest,
    "answer_chats/bad_empty_session": InvalidRequest,
    "store_results/good_session": result_is({"session_id": SESSION, "stored": False, "messages": 0, "refused": 0}),
    "store_results/edge_scheduled": result_is([]),  # deployed without PostgreSQL
    "store_results/bad_session_still_live": ResultsNotStored,
    "reap_gpus/good_sweep": reaped_session("serving"),
    "reap_gpus/good_execution_aborted": reaped_session("failed"),
    "reap_gpus/edge_nothing_left_behind": reaped_session("serving"),
    "reap_gpus/good_task_stopped": refuses_runs(True),
    "reap_gpus/edge_task_of_a_run_that_is_over": refuses_runs(False),
    "reap_gpus/bad_no_execution_name": KeyError,
    "reap_gpus/bad_no_task": KeyError,
    "sweep/good_scheduled": swept([MESSAGE], [BATCH]),
    "sweep/edge_nothing_left_behind": swept([], []),
    "sweep/bad_empty_event": swept([MESSAGE], [BATCH]),
    "run_batch/good_validate_batch": validated(True, BATCH),
    "run_batch/edge_validate_line_that_is_not_json": validated(False, BAD_BATCH),
    "run_batch/bad_validate_no_user": InvalidRequest,
    "run_batch/bad_step": InvalidRequest,
    "run_batch/good_plan_first_round": planned("gpu", 1),
    "run_batch/edge_plan_gpu_session_failed": planned("wait", 2),
    "run_batch/bad_plan_error_without_name": InvalidRequest,
    "run_batch/good_serve_round": offered(1),
    "run_batch/edge_serve_older_round": offered(0),
    "run_batch/bad_serve_no_token": InvalidRequest,
    "answer_batch/good_round": answered(left=0),
    "answer_batch/edge_older_round": answered(left=2),
    "answer_batch/bad_round_zero": InvalidRequest,
    "run_batch/good_finish_completed": finished("completed", in_output=2, people_are_told=False),
    "run_batch/edge_finish_execution_timed_out": finished("failed", in_output=0, people_are_told=True),
    "run_batch/bad_finish_status": InvalidRequest,
    "run_batch/good_notified": marked,
    "run_batch/edge_notified_in_the_words_before_an_upgrade": marked,
    "store_results/good_batch": result_is({"batch_id": BATCH, "stored": False}),
    "store_results/bad_batch_still_running": ResultsNotStored,
    "start_scheduled_batch/good_file": started(1, None),
    "start_scheduled_batch/edge_nothing_new_under_the_prefix": started(0, "no_file"),
    "start_scheduled_batch/bad_file_elsewhere": InvalidRequest,
    "start_scheduled_session/good_nothing_is_live": started_session(new=True),
    "start_scheduled_session/edge_another_session_is_live": started_session(new=False),
    "start_scheduled_session/edge_month_at_its_cap": started_session(new=False, skipped="spend_cap_reached"),
    "start_scheduled_session/bad_without_its_time": InvalidRequest,
    "send_letter/good_a_quiet_week": sent_letter("No GPU session ended."),
    "send_letter/edge_month_at_its_cap": sent_letter("The cap of US$ 20.00 is reached on"),
    "send_letter/bad_without_its_time": InvalidRequest,
    "start_bake/good_nothing_is_live": started_bake,
    "start_bake/edge_another_session_is_live": AnotherSessionIsLive,
    "start_bake/edge_month_at_its_cap": SpendCapReached,
    "start_bake/edge_execution_aborted": result_is({"released": []}),  # what is live is no bake's
    "start_bake/bad_without_its_token": InvalidRequest,
    "api/good_list_documents": rest(200),
    "api/bad_document_off": rest(409, "documents_off"),
    "api/edge_somebody_elses_document": rest(404, "document_not_found", "document_id"),
    "find_passages/good_question": result_is({"passages": (), "names": (), "why": None}),
    "find_passages/edge_one_that_is_still_read": result_is({"passages": (), "names": (), "why": None}),
    "find_passages/bad_no_question": InvalidRequest,
    "find_sources/good_question": result_is({"passages": (), "names": (), "why": None}),
    "find_sources/edge_it_waits_no_more": NotFound,
    "find_sources/bad_names_a_person": InvalidRequest,
    "show_images/good_an_image_that_is_gone": result_is({"addresses": {}}),
    "show_images/edge_it_waits_no_more": NotFound,
    "show_images/bad_names_a_person": InvalidRequest,
    "show_images/edge_a_line_that_is_nobodys": result_is({"addresses": None}),
    "show_images/bad_a_line_of_no_shard": InvalidRequest,
    "index_document/good_read_already": result_is("ready"),
    "index_document/edge_deleted_document": result_is(None),
    "index_document/bad_no_document": InvalidRequest,
    "read_document/good_markdown": packs("Ursos", "Dormem."),
    "read_document/edge_nothing_in_it": result_is({"trouble": "document_empty"}),
    "read_document/bad_address": ValueError,
    "search_messages/good_words": result_is({"hits": (), "stems": (), "why": None}),
    "search_messages/edge_behind_a_conversation": result_is({"hits": (), "stems": (), "why": None}),
    "search_messages/bad_no_words": InvalidRequest,
    "make_passwords/good_create": passwords_are(4),
    "make_passwords/edge_delete": passwords_are(0),
    "make_passwords/bad_no_request_type": KeyError,
    "migrate_database/good_create": MissingSetting,  # deployed without PostgreSQL; tests/local migrates a real one
    "migrate_database/edge_delete": result_is(None),
    "migrate_database/bad_no_request_type": KeyError,
    "end_sessions/good_delete": ended_for_good,
    "end_sessions/edge_create": result_is(None),
    "end_sessions/good_switch_off": result_is(None),
    "end_sessions/good_newer_container": result_is(None),
    "end_sessions/bad_no_request_type": KeyError,
    "publish_site/good_create": site_has("config.json", "index.html", "assets/page-1a2b.js"),
    "publish_site/edge_delete": site_has(),
    "publish_site/bad_no_config": KeyError,
    "publish_worker/good_create": worker_packages(1),
    "publish_worker/edge_delete": worker_packages(0),
    "publish_worker/bad_no_request_type": KeyError,
}


def arrange(case: str, world: Aws) -> None:
    """What a case needs beyond the common world."""
    if case.startswith(("authorize/", "websocket/")):
        make_pool("user-1")
        caller = Caller(user_id="user-1", ends_at="2099-01-01T12:15:00.000Z")
        TicketStore(world.api_keys).keep(TICKET, caller, bootstrap.aws.clock())
    if case.startswith(("answer_chats/", "sweep/")) or case.endswith("_on_bedrock"):
        os.environ["ANSWER_CONVERSATION_FUNCTION"] = ANSWERS_CONVERSATIONS  # which `aws` takes away again
    if case.startswith("answer_conversation/"):
        (waiting,) = PendingWorkStore(world.items).messages()
        world.items.transact(*move_writes(waiting))
        world.items.update(
            keys.pending_on_bedrock_key(MESSAGE), "SET may_move = :yes REMOVE moved_from", {":yes": True}
        )
    if case.startswith("search_messages/"):  # an empty database that answers
        password = {"Name": "/foreverus/database/searcher", "Value": "p", "Type": "SecureString"}
        bootstrap.aws.client("ssm").put_parameter(**password)
        os.environ["LENT_SECRETS"] = "foreverus/lent/search"
        os.environ["DATABASE_CLUSTER_ARN"] = "arn:aws:rds:us-east-1:123456789012:cluster:DatabaseCluster"
    if case == "answer_conversation/edge_nothing_waits":
        world.items.delete(keys.pending_on_bedrock_key(MESSAGE))
    if case == "answer_conversation/edge_goes_to_the_gpu":
        world.items.delete(keys.GPU_SLOT)
        bootstrap.shared.bedrock_backend("").fail_next(BackendUnavailable("AccessDeniedException"))  # type: ignore[attr-defined]
    if case == "answer_chats/good_no_gpu":
        world.put(**session_item(SESSION, status="launching", launches=[]))
    if case == "answer_chats/edge_another_session_has_a_gpu":
        world.put(**keys.gpu_slot_key(1), session_id="ses_still_live")
        world.put(**session_item("ses_still_live", instance_id="i-1"))
    if case == "store_results/good_session":
        world.items.update(
            keys.session_key(SESSION), "SET #s = :s, ended_at = :t", {":s": "ended", ":t": "t"}, names={"#s": "status"}
        )
    if case.endswith(("/good_nothing_is_live", "/edge_month_at_its_cap")) or case.startswith("chat_completions/"):
        world.items.delete(keys.GPU_SLOT)
    if case.endswith("/edge_month_at_its_cap"):
        month = bootstrap.aws.clock().strftime("%Y-%m")
        world.put(**keys.ledger_total_key(month), spent_usd=1000)
    if case == "publish_changes/edge_spend_notice":
        noticed = {":percent": 80, ":cap": "session", ":usd": 4}
        world.items.update(
            keys.session_key(SESSION),
            "SET spend_notice = :percent, spend_notice_cap = :cap, session_cap_usd = :usd",
            noticed,
        )
    if case == "publish_changes/good_session_changed":
        reserve(world, SESSION, 0.01)
    arrange_batch(case, world)
    arrange_leaving(case, world)
    if case == "publish_site/edge_delete":
        bootstrap.aws.client("s3").put_object(Bucket=world.bucket, Key="old.js", Body=b"")


def reserve(world: Aws, name: str, usd: float, month: str = "2026-01") -> None:
    """In the month in which the world's session was made."""
    at = "2026-01-01T00:00:00.000Z"
    PurseStore(world.items, 20.0).reserve(Reservation(month, name, Owner.OTHER, exact(usd), at, at))


def arrange_leaving(case: str, world: Aws) -> None:
    function = case.split("/", maxsplit=1)[0]
    if function in ("index_document", "find_passages"):
        status = "reading" if case.endswith("still_read") else "ready"
        name = "doc_0000000000000000000000000001"
        if case != "find_passages/good_question":
            world.put(**person_keys.document_key("user-1", name), document_id=name, user_id="user-1", status=status)
    if function == "export_data" and not case.endswith("nothing_open"):
        at = {"status": "running", "created_at": "2026-01-01T00:00:00.000Z"}
        world.put(**keys.export_key("user-1"), export_id="export_1", **at)
        world.put(**keys.open_export_key("export_1"), user_id="user-1")
    if function in ("manage_account", "erase_people", "export_data") and not case.endswith("pool_is_gone"):
        pool = bootstrap.aws.client("cognito-idp").create_user_pool(PoolName="foreverus")["UserPool"]["Id"]
        os.environ["USER_POOL_ID"] = pool  # which the world takes away again
    if function == "erase_people" and not case.endswith("nobody_left"):
        at = {"user_id": "user-1", "deleted_at": "2026-01-01T00:00:00.000Z", "receipt_id": "erasure_1"}
        world.put(**keys.owed_deletion_key("person", "user-1"), **at)
        world.put(**keys.erasure_key("erasure_1"), person="0", requested_at=at["deleted_at"])


BATCHES_RESULTS = ("store_results/good_batch", "store_results/bad_batch_still_running")


def arrange_batch(case: str, world: Aws) -> None:
    function = case.split("/", maxsplit=1)[0]
    if (function in {"run_batch", "answer_batch"} or case in BATCHES_RESULTS) and "_validate_" not in case:
        reserve(world, BATCH, 1.0, bootstrap.aws.clock().strftime("%Y-%m"))
        first_round = case == "run_batch/good_plan_first_round"
        batch_events.begin(world, round_=0 if first_round else 1)
    if case == "run_batch/edge_plan_gpu_session_failed":
        world.items.delete(keys.GPU_SLOT)  # the world's live session is the one that failed
    if case in ("run_batch/good_finish_completed", "store_results/good_batch"):
        batch_events.answer_all(world)
    if case == "run_batch/edge_finish_execution_timed_out":
        batch_events.scheduled(world)
    if case == "store_results/good_batch":
        world.items.update(
            keys.batch_key("user-1", BATCH),
            "SET #s = :s, ended_at = :t",
            {":s": "completed", ":t": "2026-01-01T00:00:00.000Z"},
            names={"#s": "status"},
        )
    if EXPECTED.get(case) is marked:
        world.items.put({**keys.outbox_key(keys.BATCHES, BATCH), "user_id": "user-1"})
    if function == "sweep":
        world.items.update(keys.open_batch_key(BATCH), "SET created_at = :t", {":t": "2026-01-01T00:00:00.000Z"})
    if case == "sweep/edge_nothing_left_behind":
        world.items.delete(keys.pending_key(MESSAGE))
        world.items.delete(keys.open_batch_key(BATCH))
    if case == "start_scheduled_batch/good_file":
        key = "inputs/nightly.jsonl"
        bootstrap.aws.client("s3").put_object(Bucket=world.data_bucket, Key=key, Body=batch_events.INPUT)


def test_every_sample_event_has_an_expectation_and_every_function_a_good_an_edge_and_a_bad_one() -> None:
    assert set(cases()) == set(EXPECTED)
    functions = {path.stem for path in HANDLERS.glob("*.py")} - {"__init__"}
    for function in functions:
        kinds = {case.split("/")[1].split("_")[0] for case in cases() if case.startswith(f"{function}/")}
        assert kinds == {"good", "edge", "bad"}, function


@pytest.mark.parametrize("case", cases())
def test_sample_event(case: str, world: Aws, push: MemoryPush) -> None:
    arrange(case, world)
    expected = EXPECTED[case]
    if isinstance(expected, type):
        with pytest.raises(expected):
            invoke(case)
        return
    expected(invoke(case), world, push)


@pytest.mark.parametrize("function", sorted({case.split("/")[0] for case in cases()}))
def test_no_function_may_do_what_no_sample_event_needs(function: str) -> None:
    """Runs behind them: they say what each function asks AWS for."""
    if permissions.seen[function] < {case for case in cases() if case.startswith(f"{function}/")}:
        pytest.skip("only with all sample events of the function")
    assert permissions.unused(function) == set(), permissions.WHAT_TO_DO
    assert all((EVENTS.parent / test).is_file() for test in permissions.named_tests(function))
