"""AWS takes the GPU back in the middle of an answer: what can end in time is finished, the rest is continued."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
