"""Each alarm fires for what it is there for, and for nothing less: the real code makes the trouble's metrics, and the
template's own definition is evaluated on them as CloudWatch does (tests/alarm_state.py)."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from foreverus import ids
from foreverus.aws.sqs import DeadLetters
from foreverus.batches.memory import MemoryBatches
from foreverus.costs.ledger import CountedCost, MemoryLedger
from foreverus.doctor.records import BOUND_MINUTES
from foreverus.errors import EngineBusy, EngineFailed, ResultsNotStored
from foreverus.metrics import Metrics
from foreverus.results.batches import BatchSummaries
from foreverus.results.chats import ChatResults
from foreverus.results.sessions import SessionResults
from foreverus.results.store import ResultsKeeper
from foreverus.sessions.reaping import NotAllReaped
from foreverus.sweeps.measures import DeadLetterQueues, MonthsCost
from foreverus.sweeps.sweep import sweep
from tests.alarm_state import Measured, alarms, state
from tests.template.template import resolve, resources
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import Scene
from tests.unit.results.test_results import DataApi, database, deletions, nobody, over, results
from tests.unit.sessions.test_reaping import Executions, buy, protect, reaper
from tests.unit.worker.harness import START, World, in_jumping_time, until

ROOT = Path(__file__).parents[2]
ALARMS = alarms(BedrockModelId="mistral.mistral-7b-instruct-v0:2")
MINUTE = 60.0


class Watched:
    """What a part of ours says, on a clock that the test moves."""

    def __init__(self, at: str = "2026-01-15T12:00:00+00:00") -> None:
        self.lines: list[str] = []
        self.now = datetime.fromisoformat(at)
        self.metrics = Metrics("foreverus", write=self.lines.append, clock=self.clock)
        self.states: dict[str, str] = {}

    def clock(self) -> datetime:
        return self.now

    def state(self, name: str) -> str:
        found = state(ALARMS[name], Measured().read(self.lines), self.now.timestamp(), self.states.get(name, "OK"))
        self.states[name] = found
        return found

    def pass_(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


def test_the_ten_alarms_are_those_of_these_tests() -> None:
    fired = {name for name in ALARMS if f'"{name}"' in Path(__file__).read_text(encoding="utf-8")}
    assert fired == set(ALARMS) and len(ALARMS) == 10


@pytest.mark.parametrize(
    ("age", "stubborn", "firing"),
    [
        (5, False, {"ReaperHadToAct"}),
        (BOUND_MINUTES - 5, True, {"ReaperHadToAct"}),
        (BOUND_MINUTES + 5, True, {"ReaperHadToAct", "InstanceTooOld"}),
    ],
)
def test_an_orphan_is_told_and_one_beyond_the_bound_is_told_as_that(
    aws: Aws, age: int, stubborn: bool, firing: set[str]
) -> None:
    watched, instance = Watched(), buy("ses_unknown")
    protect(instance, stubborn)
    one = replace(reaper(aws, Executions(), later=timedelta(minutes=age)), metrics=watched.metrics)
    try:
        one.sweep()
    except NotAllReaped:
        assert stubborn
    assert {name for name in ("ReaperHadToAct", "InstanceTooOld") if watched.state(name) == "ALARM"} == firing
    watched.pass_(10)
    assert watched.state("ReaperHadToAct") == watched.state("InstanceTooOld") == "OK", "it ends by itself"


def test_no_orphan_is_no_alarm(aws: Aws) -> None:
    watched = Watched()
    buy("ses_1")
    replace(reaper(aws, Executions("ses_1")), metrics=watched.metrics).sweep()
    assert (watched.lines, watched.state("ReaperHadToAct"), watched.state("InstanceTooOld")) == ([], "OK", "OK")


def calls(aws: Aws, outcomes: list[bool | None]) -> str:
    """What `ReaperFails` comes to: of each five minutes a call that went well, one that failed, or none."""
    measured, at = Measured(), datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp()
    instance = buy("ses_unknown")
    for outcome in outcomes:
        protect(instance, outcome is False)
        if outcome is not None:
            failed = 0.0
            try:
                reaper(aws, Executions()).sweep()
            except NotAllReaped:
                failed = 1.0  # Lambda counts 0 for a call that went well
            measured.add("AWS/Lambda", "Errors", {"FunctionName": "the-ReapGpusFunction"}, at, failed)
        at += 5 * MINUTE
    return state(ALARMS["ReaperFails"], measured, at - 1, "OK")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([True, True], "OK"),
        ([True, False], "OK"),
        ([False, False], "ALARM"),
        ([False, True], "OK"),
        ([True, None, None], "INSUFFICIENT_DATA"),
    ],
)
def test_a_reaper_that_fails_in_a_row_or_is_not_called_is_told(
    aws: Aws, outcomes: list[bool | None], expected: str
) -> None:
    assert calls(aws, outcomes) == expected
    assert ALARMS["ReaperFails"]["InsufficientDataActions"] == ["the-Topic"]


def test_a_dead_letter_is_told_until_it_is_gone(aws: Aws) -> None:
    watched, sqs = Watched(), boto3.client("sqs")
    url = sqs.create_queue(QueueName="a-dead-letter-queue")["QueueUrl"]
    duty = DeadLetterQueues([DeadLetters(sqs, url)], watched.metrics)
    sweep({"letters": duty})
    assert watched.state("DeadLetters") == "OK"
    sqs.send_message(QueueUrl=url, MessageBody="nobody could read this")
    for _ in range(3):
        sweep({"letters": duty})
        assert watched.state("DeadLetters") == "ALARM"
        watched.pass_(5)
    sqs.purge_queue(QueueUrl=url)
    watched.pass_(10)
    sweep({"letters": duty})
    assert watched.state("DeadLetters") == "OK"


EXECUTIONS = [*(ROOT / "events").glob("*/*execution*.json")]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED", "RUNNING"])
@pytest.mark.parametrize("machine", ["gpu-session", "batch-run", "bake-image", "somebody-elses"])
def test_an_execution_of_ours_that_did_not_end_well_is_told(status: str, machine: str) -> None:
    event = json.loads((ROOT / "events" / "reap_gpus" / "good_execution_aborted.json").read_text(encoding="utf-8"))
    event["detail"] |= {
        "status": status,
        "stateMachineArn": f"arn:aws:states:us-east-1:0:stateMachine:foreverus-{machine}",
    }
    known = {"AWS::StackName": "foreverus", "AWS::Region": "us-east-1", "AWS::Partition": "aws", "AWS::AccountId": "0"}
    pattern = resolve(resources("AWS::Events::Rule")["ExecutionFailed"]["EventPattern"], known)
    measured, at = Measured(), datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp()
    if _matches(pattern, event):
        measured.add("AWS/Events", "TriggeredRules", {"RuleName": "the-ExecutionFailed"}, at, 1.0)
    bad = status in ("FAILED", "TIMED_OUT", "ABORTED") and machine != "somebody-elses"
    assert state(ALARMS["ExecutionsFail"], measured, at) == ("ALARM" if bad else "OK")


def _matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """As EventBridge does, for lists of plain values."""
    return all(
        _matches(wanted, event.get(name, {})) if isinstance(wanted, dict) else event.get(name) in wanted
        for name, wanted in pattern.items()
    )


async def answers(seconds_per_token: float, minutes: int, reply: Callable[[Any], list[str]] | None = None) -> World:
    """A message a minute, each of ten tokens."""
    world = World(max_session_seconds=36000, idle_seconds=7200)
    world.engine.seconds_per_token = seconds_per_token
    world.engine.reply = reply or (lambda prompt: ["word "] * 10)
    async with world.worker():
        for number in range(minutes):
            request = world.answers.ask("hello", message_id=f"msg_{number}")
            asked = world.answers.questions[request.message_id]
            world.answers.questions[request.message_id] = replace(asked, created_at=ids.timestamp(world.ports.clock()))
            world.deliver(request)
            await until(lambda: asyncio.get_running_loop().time() >= (number + 1) * MINUTE)  # noqa: B023
            await world.answered(request)
    return world


def at_end(world: World, name: str) -> str:
    return state(
        ALARMS[name], Measured().read(world.measured), START.timestamp() + asyncio.get_running_loop().time() - 1
    )


@pytest.mark.parametrize(
    ("seconds_per_token", "minutes", "expected"),
    [(0.1, 30, "OK"), (4.0, 10, "OK"), (4.0, 30, "ALARM"), (2.9, 30, "OK")],
)
@in_jumping_time
async def test_answers_that_take_longer_than_half_a_minute_for_half_an_hour_are_told(
    seconds_per_token: float, minutes: int, expected: str
) -> None:
    """Ten minutes of it are none: a long answer, or a crowd, passes by itself."""
    world = await answers(seconds_per_token, minutes)
    assert at_end(world, "AnswersSlow") == expected


@pytest.mark.parametrize(
    ("minutes", "bad", "expected"),
    [(40, 40, "ALARM"), (40, 0, "OK"), (40, 1, "OK"), (10, 10, "OK")],
)
@in_jumping_time
async def test_more_than_two_in_a_hundred_that_fail_twice_in_an_hour_are_told(
    minutes: int, bad: int, expected: str
) -> None:
    left = [bad * 3]  # each is tried three times

    def reply(prompt: Any) -> list[str]:
        if prompt.messages[-1].content == "hello" and left[0] > 0:
            left[0] -= 1
            raise EngineFailed("The engine answered 500")
        return ["fine"]

    world = await answers(0.1, minutes, reply)
    assert at_end(world, "AnswersFail") == expected


@pytest.mark.parametrize(
    ("day", "before", "usd_a_day", "expected"),
    [
        ("2026-01-10", 9, 1.5, "ALARM"),  # of 20 in the month
        ("2026-01-10", 9, 0.5, "OK"),
        ("2026-01-03", 2, 5.0, "OK"),  # of two days nobody can tell
        ("2026-01-30", 29, 0.6, "OK"),
        ("2026-02-14", 13, 1.0, "ALARM"),
        ("2026-02-02", 30, 1.0, "ALARM"),  # the days before this month tell too
        ("2026-01-28", 1, 15.0, "OK"),  # one dear day is no pace
    ],
)
def test_spending_that_the_month_does_not_bear_is_told(day: str, before: int, usd_a_day: float, expected: str) -> None:
    """As the forecast of the page and of the notices says it."""
    watched, ledger = Watched(f"{day}T12:30:00+00:00"), MemoryLedger()
    for number in range(1, before + 1):
        ended = f"{(watched.clock() - timedelta(days=number)).isoformat()[:10]}T08:00:00Z"
        ledger.entries[ended[:7], f"ses_{number}"] = CountedCost(Decimal(str(usd_a_day)), ended)
    duty = MonthsCost(ledger, watched.metrics, watched.clock, 20.0)
    sweep({"cost": duty})
    assert watched.state("SpendingFast") == expected
    watched.pass_(300)
    sweep({"cost": duty})
    assert watched.state("SpendingFast") == expected, "without news it stays as it is"


@pytest.mark.parametrize(("refusals", "expected"), [(0, "OK"), (2, "OK"), (40, "ALARM")])
@in_jumping_time
async def test_a_bedrock_that_refuses_again_and_again_is_told(aws: Aws, refusals: int, expected: str) -> None:
    scene, measured = Scene(aws), Measured()
    left = [refusals]

    def refuse(prompt: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            at = scene.clock().timestamp()  # AWS counts each request that it refuses
            measured.add("AWS/Bedrock", "InvocationThrottles", {"ModelId": "mistral.mistral-7b-instruct-v0:2"}, at, 1.0)
            raise EngineBusy("ThrottlingException")

    scene.backend.answering = refuse
    for _ in range(8):
        conversation, _message = scene.ask("hello", may_move=False)
        await scene.run(conversation)
        await asyncio.sleep(MINUTE)
    assert state(ALARMS["BedrockThrottled"], measured, scene.clock().timestamp()) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(10, "OK"), (40, "OK"), (61, "ALARM"), (600, "ALARM")])
def test_results_that_postgresql_lacks_for_an_hour_are_told_until_they_are_there(
    aws: Aws, minutes: int, expected: str
) -> None:
    aws.put(**over())
    watched, client = Watched("2026-01-01T00:10:00+00:00"), DataApi()
    watched.pass_(minutes)
    sessions: SessionResults = replace(results(aws, client), clock=watched.clock)
    batches = BatchSummaries(MemoryBatches(), database(client), watched.clock)
    chats = ChatResults(aws.items, database(client), nobody(aws), watched.clock)
    keeper = ResultsKeeper(sessions, batches, deletions(aws, client), chats, nobody(aws), watched.metrics)
    client.fail_next(*["InternalServerErrorException"] * 9)
    try:
        keeper.store_unsaved()
    except ResultsNotStored:
        assert minutes > 10
    assert watched.state("ResultsUnsaved") == expected
    client.failures.clear()
    watched.pass_(60)
    keeper.store_unsaved()
    watched.pass_(10)
    keeper.store_unsaved()
    assert watched.state("ResultsUnsaved") == "OK"
