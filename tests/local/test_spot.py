"""AWS takes the GPU back in the middle of an answer: what can end in time is finished, the rest is continued."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws.demand_keys import POOL_ORDER
from foreverus.aws.dynamo import Table
from foreverus.aws.keys import capacity_key, session_key
from foreverus.sessions.gpu_state import BOOTS_TO_LEARN_FROM
from local.cloud import Cloud
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests.local.sessions import OVER, PATIENCE_S, live_instances, states_of, wait_until

pytestmark = pytest.mark.cloud

STORY = "Tell me a very long story about the sea, a ship, and everybody on board."
SLOW, FAST = 5.0, 1000.0  # tokens a second: while it is decided what becomes of the answer, and once it is


class Scene:
    """A session in the middle of an answer of so many tokens, whose GPU is taken back after the notice."""

    def __init__(self, cloud: Cloud, person: Person, set_pace: Callable[[float], None]) -> None:
        self.person = person
        self.places = Places(Path(cloud.state.directory))
        set_pace(SLOW)
        self.session_id, _ = person.start_session()
        wait_until(lambda: self.session()["status"] == "serving", "the session serves")
        (self.instance_id,) = live_instances(cloud)
        self.conversation = person.converse("You are a storyteller.")
        self.seen = ""

    def interrupt(self, tokens: int, notice_s: float) -> None:
        self.person.ask(self.conversation, STORY, tokens)
        self._read(until="delta")
        faults.interrupt(self.places, self.instance_id, notice_s)

    def has_read_notice(self) -> bool:
        return faults.has_read_notice(self.places, self.instance_id)

    def session(self) -> dict[str, Any]:
        return self.person.call("GET", f"/sessions/{self.session_id}")

    def answer(self) -> dict[str, Any]:
        """The final answer, when it has come."""
        return dict(self._read(until="message")["message"])

    def _read(self, until: str) -> dict[str, Any]:
        """Puts the deltas together as the page does."""
        while True:
            _, frame = self.person.frames.get(timeout=PATIENCE_S)
            if frame["type"] == "delta":
                assert frame["offset"] <= len(self.seen), "no text is missing"
                self.seen = self.seen[: frame["offset"]] + frame["text"]
            if frame["type"] == until:
                return dict(frame)


def counted(tokens: int) -> str:
    return " ".join(str(number) for number in range(1, tokens + 1))


def test_answer_that_ends_within_the_notice_is_finished_and_no_second_gpu_is_bought(
    cloud: Cloud, person: Person, set_pace: Callable[[float], None]
) -> None:
    scene = Scene(cloud, person, set_pace)
    scene.interrupt(tokens=200, notice_s=120)  # 40 s at that pace
    wait_until(scene.has_read_notice, "the worker knows of it")
    set_pace(FAST)
    answer = scene.answer()
    wait_until(lambda: scene.session()["status"] in OVER, "the session is over")
    session = scene.session()
    assert answer["content"] == scene.seen == counted(200) and answer["status"] == "answered"
    assert (session["status"], session["outcome"], session["attempt"]) == ("ended", "interrupted", 0)
    assert states_of(cloud, scene.session_id).count("Launch GPU") == 1
    assert session["receipt"]["launches"] == 1
    assert session["receipt"]["completion_tokens"] == answer["usage"]["completion_tokens"] == 200
    assert live_instances(cloud) == []


def test_answer_that_cannot_end_within_the_notice_is_continued_by_a_second_gpu_as_one_answer(
    cloud: Cloud, person: Person, set_pace: Callable[[float], None]
) -> None:
    scene = Scene(cloud, person, set_pace)
    scene.interrupt(tokens=1500, notice_s=60)  # 300 s at that pace
    wait_until(lambda: scene.session()["attempt"] == 1, "another GPU is being bought")
    set_pace(FAST)
    answer = scene.answer()
    session = scene.session()
    assert answer["content"] == scene.seen == counted(1500) and answer["status"] == "answered"
    assert session["attempt"] == 1 and session["instance"]["id"] != scene.instance_id
    stored = person.call("GET", f"/conversations/{scene.conversation}/messages")["data"]
    assert [message["role"] for message in stored] == ["user", "assistant"] and stored[1] == answer
    person.end_session(scene.session_id)
    receipt = scene.session()["receipt"]
    assert receipt["launches"] == 2 and receipt["messages"] == 1
    assert receipt["completion_tokens"] == answer["usage"]["completion_tokens"] == 1500, (
        "both GPUs' work is on the account"
    )
    assert live_instances(cloud) == []


def test_pool_that_was_interrupted_often_is_asked_for_last(cloud: Cloud, person: Person) -> None:
    table = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])
    earlier = [earlier_session() for _ in range(BOOTS_TO_LEARN_FROM - 1)]
    table.put_all(earlier)
    first, _ = person.start_session()
    wait_until(lambda: person.call("GET", f"/sessions/{first}")["status"] == "serving", "the session serves")
    instance = person.call("GET", f"/sessions/{first}")["instance"]
    pool = _bought(instance)
    seen = {
        "spot_launches": 80,
        "spot_hours": 12,
        "spot_interruptions": 80,
        "counted_at": ids.timestamp(datetime.now(UTC)),
    }
    table.put({**capacity_key(*pool), **seen, "counted": ["i-before"]})  # the weeks before
    table.delete_all([POOL_ORDER])  # what the sessions of other tests have left
    faults.interrupt(Places(Path(cloud.state.directory)), instance["id"], 20)
    try:
        counted = partial(_has_counted, table, pool, instance["id"])
        wait_until(counted, "its closing has counted how it fared")
        wait_until(lambda: table.get(POOL_ORDER), "and has reckoned the order")
        second, _ = person.start_session()
        wait_until(lambda: person.call("GET", f"/sessions/{second}")["instance"], "another one is launched")
        session = person.call("GET", f"/sessions/{second}")
        numbers, bought = session["pools"]["numbers"], session["instance"]
        assert session["pools"]["learned"] and session["pools"]["text"].startswith(
            "Asked for where it should cost least"
        )
        order = (table.get(POOL_ORDER) or {})["names"]
        of_its_price = [name for name in order if name.startswith(f"{pool[0]}#")]
        assert len(of_its_price) > 1 and of_its_price[-1] == "#".join(pool), "behind every zone that asks the same"
        assert _bought(bought) == (
            numbers["first"]["instance_type"],
            numbers["first"]["availability_zone"],
        ), "the first one of the order is bought"
        assert _bought(bought) != pool
        (shown,) = [one for one in person.call("GET", "/usage")["capacity"] if _pool(one) == pool]
        assert shown["spot"]["interruptions"] == pytest.approx(81, abs=0.2), "with the one that was just seen"
    finally:
        table.delete_all([POOL_ORDER, capacity_key(*pool), *(session_key(one["session_id"]) for one in earlier)])


def _has_counted(table: Table, pool: tuple[str, str], instance_id: str) -> bool:
    return instance_id in (table.get(capacity_key(*pool)) or {}).get("counted", ())


def earlier_session() -> dict[str, Any]:
    """With a boot as long as they are on AWS: here they take seconds, and to lose one costs nothing."""
    now = datetime.now(UTC)
    at = {name: ids.timestamp(now - timedelta(seconds=ago)) for name, ago in AGO.items()}
    session_id = ids.new_id("ses", now)
    over = {"status": "ended", "outcome": "idle", "version": 9, "trigger": "page", "owner": "nobody"}
    return {**session_key(session_id), "session_id": session_id, **over, **at}


AGO = {"created_at": 2480, "healthy_at": 2000, "terminated_at": 200, "ended_at": 190, "stored_at": 180}  # seconds


def _bought(instance: dict[str, Any]) -> tuple[str, str]:
    return instance["type"], instance["availability_zone"]


def _pool(line: dict[str, Any]) -> tuple[str, str]:
    return line["instance_type"], line["availability_zone"]
