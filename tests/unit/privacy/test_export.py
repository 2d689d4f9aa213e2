"""Everything of a person in one zip, however often its making is cut off, and nobody else's."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from foreverus import bootstrap, ids
from foreverus.access.preferences import Preferences, public_preferences
from foreverus.aws.s3_parts import PART_BYTES
from foreverus.aws.s3_resumable import Progress, ResumableObject
from foreverus.backends.port import BackendName
from foreverus.batches.records import BatchStatus
from foreverus.conversations.records import Conversation
from foreverus.conversations.store import ConversationStore
from foreverus.errors import LimitReached
from foreverus.privacy.export.content import PersonsData
from foreverus.privacy.export.job import ENOUGH_S, ExportJob, NotExported
from foreverus.privacy.export.records import ExportStatus
from foreverus.privacy.export.service import ExportService
from foreverus.privacy.export.store import LEASE, ExportStore
from tests.unit.conftest import NOW, Aws
from tests.unit.privacy.world import LATER, Called, Person, World

PLENTY = 900.0
AN_HOUR = timedelta(hours=1, seconds=1)


class Exporting(World):
    def __init__(self, aws: Aws) -> None:
        super().__init__(aws)
        self.job_called = Called()
        self.exports = ExportStore(aws.items)

    def service_of_exports(self, now: Any = NOW) -> ExportService:
        return ExportService(self.exports, self.objects, self.job_called, lambda: now)

    def job(self, now: Any = NOW) -> ExportJob:
        s3, bucket = bootstrap.aws.client("s3"), self.aws.data_bucket

        def upload(key: str, progress: Progress | None) -> ResumableObject:
            return ResumableObject(s3, bucket, key, "application/zip", progress)

        data = PersonsData(self.aws.items, self.api_keys, self.members, self.objects, lambda: now)
        return ExportJob(self.exports, data, self.objects, upload, lambda: now)

    def zip_of(self, person: Person) -> zipfile.ZipFile:
        export = self.exports.get(person.user_id)
        assert export and export.status is ExportStatus.READY
        body = boto3.client("s3").get_object(Bucket=self.aws.data_bucket, Key=export.object_key)["Body"].read()
        assert len(body) == export.bytes
        found = zipfile.ZipFile(io.BytesIO(body))
        assert found.testzip() is None
        return found


@pytest.fixture
def world(aws: Aws) -> Exporting:
    return Exporting(aws)


@pytest.fixture
def ana(world: Exporting) -> Person:
    """Beside her there is another person, with everything too."""
    person = Person(world, "ana")
    person.use_everything()
    Person(world, "bia").use_everything()
    return person


def running_out_after(entries: int) -> Callable[[], float]:
    """Time for so many entries; the job looks once before it begins."""
    left = [PLENTY] * (entries + 1)
    return lambda: left.pop() if left else ENOUGH_S - 1


def test_it_has_everything_of_the_person_and_nothing_of_others(world: Exporting, ana: Person) -> None:
    secret = ana.key()
    asked = world.service_of_exports().show(ana.user_id)
    assert (asked["status"], world.job_called.times) == ("running", 1)
    assert world.job().work(lambda: PLENTY) == {asked["id"]: "ready"}
    shown = world.service_of_exports().show(ana.user_id)
    assert (shown["id"], shown["status"]) == (asked["id"], "ready")
    assert str(shown["url"]).startswith("https://")
    found = world.zip_of(ana)
    text = {name: found.read(name).decode() for name in found.namelist()}
    assert {"README.txt", "LEIAME.txt", "conversations/conv_ana.jsonl", "conversations/conv_ana.md"} <= set(text)
    account = json.loads(text["account.json"])
    assert account["email"] == "ana@example.com"
    assert account["preferences"] == public_preferences(Preferences(backend=BackendName.GPU))
    assert {json.loads(line)["text"] for line in text["prompts.jsonl"].splitlines()} == {ana.text}
    assert {json.loads(line)["text"] for line in text["memories.jsonl"].splitlines()} == {ana.text}
    messages = [json.loads(line) for line in text["conversations/conv_ana.jsonl"].splitlines()]
    assert [one.get("role") for one in messages] == [None, "user", "assistant", "user", "assistant"]
    place = {"number": 1, "document_id": "doc_ana", "page": 2, "start": 0, "end": 8}
    assert [one["sources"] for one in messages if one.get("role") == "assistant"] == [
        {"found": [place], "why": None},
        None,
    ]
    assert [json.loads(line)["id"] for line in text["documents.jsonl"].splitlines()] == ["doc_ana"]
    assert text["conversations/conv_ana.md"].count(ana.text) == 4  # the title, two questions, an answer
    assert text[f"files/file_ana/{ana.text}"] == f"{ana.text} again"
    assert {json.loads(line)["id"] for line in text["batches.jsonl"].splitlines()} == {"batch_ana"}
    assert {json.loads(line)["name"] for line in text["keys.jsonl"].splitlines()} == {ana.text}
    day, *others = (json.loads(line) for line in text["usage.jsonl"].splitlines())
    assert [one["id"] for one in others] == ["conv_ana", "ses_of_ana"]
    assert (day["day"], [(one["backend"], one["kind"], one["messages"]) for one in day["used"]]) == (
        *("2026-01-01", [("gpu", "chat", 1)]),
    )
    everything = "\n".join([*text, *text.values()])
    digest = next(item["digest"] for item in world.aws.api_keys.query(f"USER#{ana.user_id}", "KEY#"))
    assert not [word for word in ("bia", secret, secret[-4:], digest) if word in everything]


@pytest.mark.parametrize("each", [0, 1, 3])
def test_calls_that_run_out_of_time_go_on_where_the_one_before_ended(world: Exporting, ana: Person, each: int) -> None:
    """With a file that is longer than a part, and does not shrink. Without time for anything nothing is lost."""
    import random

    big = random.Random(1).randbytes(2 * PART_BYTES + 17)
    ana.upload_file("file_big")
    world.objects.put(f"files/{ana.user_id}/file_big", big)
    world.service_of_exports().show(ana.user_id)
    calls = 0
    while "ready" not in world.job().work(running_out_after(each) if calls or each else running_out_after(0)).values():
        calls += 1
        if each == 0 and calls == 3:
            each = 2
        assert calls < 30
    assert calls >= 3
    assert world.zip_of(ana).read(f"files/file_big/{ana.text}") == big
    assert [key for key, _, _ in world.objects.list(f"exports/{ana.user_id}/") if not key.endswith(".zip")] == []


def test_one_that_is_killed_is_made_by_who_comes_after_its_lease(
    world: Exporting, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = str(world.service_of_exports().show(ana.user_id)["id"])
    assert world.exports.lease(asked, NOW)  # and then its process was gone
    assert world.job(NOW + timedelta(minutes=5)).work(lambda: PLENTY) == {asked: "in work"}
    assert world.job(NOW + LEASE * 2).work(lambda: PLENTY) == {asked: "ready"}


def test_what_fails_is_tried_again_and_given_up_at_last(
    world: Exporting, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> Any:
        raise ConnectionError

    service = world.service_of_exports()
    service.show(ana.user_id)
    with monkeypatch.context() as failing:
        failing.setattr(type(world.members), "get", down)
        failing.setattr("foreverus.privacy.export.job.MOST_TRIES", 2)
        for _ in range(2):
            with pytest.raises(NotExported):
                world.job().work(lambda: PLENTY)
        assert list(world.job().work(lambda: PLENTY).values()) == ["failed"]
    failed = service.show(ana.user_id)
    assert failed["status"] == "failed"
    again = world.service_of_exports(NOW + AN_HOUR).show(ana.user_id)
    assert (again["status"], again["id"] == failed["id"]) == ("running", False)
    assert world.job().work(lambda: PLENTY) == {again["id"]: "ready"}


def test_after_one_that_has_failed_there_is_a_pause_which_grows(
    world: Exporting, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks meanwhile, however often and in whichever way, starts nothing."""
    monkeypatch.setattr("foreverus.privacy.export.job.MOST_TRIES", 0)
    now, pauses = NOW, []
    for _ in range(7):
        started = world.service_of_exports(now).show(ana.user_id)
        assert started["status"] == "running"
        calls, ended = world.job_called.times, now + timedelta(hours=3)  # it was tried for so long
        assert list(world.job(ended).work(lambda: PLENTY).values()) == ["failed"]
        for after in (timedelta(0), timedelta(minutes=59)):
            shown = world.service_of_exports(ended + after).show(ana.user_id)
            assert (shown["id"], shown["status"]) == (started["id"], "failed")
        with pytest.raises(LimitReached) as refused:
            world.service_of_exports(ended).start(ana.user_id)
        assert refused.value.retry_after_s and "has failed" in str(refused.value)
        assert world.job_called.times == calls
        pauses.append(refused.value.retry_after_s // 3600)
        now = ended + timedelta(seconds=refused.value.retry_after_s)
    assert pauses == [1, 2, 4, 8, 16, 24, 24]
    monkeypatch.undo()
    done = world.service_of_exports(now).start(ana.user_id)
    assert world.job(now).work(lambda: PLENTY) == {done["id"]: "ready"}
    found = world.exports.get(ana.user_id)
    assert found and found.failures == 0, "one that succeeds ends the row"


def test_one_at_a_time_and_one_a_day(world: Exporting, ana: Person) -> None:
    service = world.service_of_exports()
    first = service.start(ana.user_id)["id"]
    assert {service.start(ana.user_id)["id"], service.show(ana.user_id)["id"]} == {first}
    world.job().work(lambda: PLENTY)
    with pytest.raises(LimitReached) as refused:
        service.start(ana.user_id)
    assert (refused.value.status, refused.value.reason) == (429, "exported_just_now")
    assert refused.value.retry_after_s == 86_401
    tomorrow = world.service_of_exports(NOW + timedelta(days=1, seconds=1))
    assert tomorrow.show(ana.user_id)["id"] == first
    assert tomorrow.start(ana.user_id)["id"] != first
    assert world.service_of_exports(NOW + timedelta(days=9)).show(ana.user_id)["status"] == "running"


def test_whoever_leaves_takes_no_export_behind(world: Exporting, ana: Person) -> None:
    """One is ready, and one is being made when its person goes."""
    world.service_of_exports().show(ana.user_id)
    world.job().work(lambda: PLENTY)
    world.service_of_exports(NOW + timedelta(days=2)).start(ana.user_id)
    world.job(NOW + timedelta(days=2)).work(running_out_after(2))
    at = NOW + timedelta(days=2)
    world.leave(ana, at)
    world.work_off(at)
    assert world.job(at).work(lambda: PLENTY) == {}
    for now in (at + timedelta(minutes=5), LATER + timedelta(days=2), LATER + timedelta(days=2, minutes=5)):
        world.work_off(now)
    assert world.places(ana.user_id, ana.text) == []


def test_a_batch_that_runs_is_in_it_too(world: Exporting, ana: Person) -> None:
    ana.run_batch("batch_running", BatchStatus.IN_PROGRESS)
    world.service_of_exports().show(ana.user_id)
    world.job().work(lambda: PLENTY)
    listed = [json.loads(line) for line in world.zip_of(ana).read("batches.jsonl").decode().splitlines()]
    assert {one["id"]: one["status"] for one in listed} == {"batch_running": "in_progress", "batch_ana": "completed"}


def test_what_is_deleted_or_over_meanwhile_is_not_in_it(world: Exporting, ana: Person) -> None:
    """The list of conversations is read before the first of them is written; hours may lie between."""
    for name in ("conv_b", "conv_c"):
        converse_nothing(ana, name)
    later = NOW + timedelta(days=1, seconds=1)  # the file's time is over, and no sweep has come yet
    data = PersonsData(world.aws.items, world.api_keys, world.members, world.objects, lambda: later)
    names, text = [], b""
    for entry in data.entries(ana.user_id):
        names.append(entry.name)
        text += b"".join(entry.read())
        if entry.name == "conversations/conv_c.md":
            ConversationStore(world.aws.items).delete(ana.user_id, "conv_b", NOW)
    assert "conversations/conv_c.jsonl" in names and "conversations/conv_ana.jsonl" in names
    assert not [one for one in names if "conv_b" in one or "file_ana/" in one]
    assert b"conv_b" not in text and b'"file_ana"' not in text and b"output" in text


def converse_nothing(person: Person, conversation_id: str) -> None:
    at = ids.timestamp(NOW)
    made = Conversation(
        conversation_id=conversation_id, user_id=person.user_id, title=conversation_id, created_at=at, updated_at=at
    )
    ConversationStore(person.world.aws.items).create(made)
