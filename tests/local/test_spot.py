"""AWS takes the GPU back in the middle of an answer: what can end in time is finished, the rest is continued."""

from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests.local.sessions import OVER, live_instances, states_of, wait_until

pytestmark = pytest.mark.cloud

STORY = "Tell me a very long story about the sea, a ship, and everybody on board."
SEEN_AFTER_S = 5.0  # the worker looks for a notice so often
MOST_TOKENS = 1800  # of an answer that fits the context


class Scene:
    """A session in the middle of an answer of about so many seconds, whose GPU is taken back after the notice."""

    def __init__(self, cloud: Cloud, person: Person, answer_s: float, notice_s: float) -> None:
        self.person = person
        self.session_id, _ = person.start_session()
        wait_until(lambda: self.session()["status"] == "serving", "the session serves")
        (self.instance_id,) = live_instances(cloud)
        tokens = min(MOST_TOKENS, int(answer_s * self._tokens_per_s()))
        self.conversation = person.converse("You are a storyteller.")
        self.message_id = person.ask(self.conversation, STORY, tokens)
        self.seen = ""
        self._read(until="delta")
        faults.interrupt(Places(Path(cloud.state.directory)), self.instance_id, notice_s)

    def _tokens_per_s(self) -> float:
        """Of this computer, as busy as it is."""
        conversation = self.person.converse("You are a storyteller.")
        self.person.ask(conversation, STORY, 60)
        begun, _ = self.person.wait_for("delta")
        ended, frame = self.person.wait_for("message")
        self.tokens_before = int(frame["message"]["usage"]["completion_tokens"])
        return self.tokens_before / max(ended - begun, 0.1)

    def session(self) -> dict[str, Any]:
        return self.person.call("GET", f"/sessions/{self.session_id}")

    def answer(self) -> dict[str, Any]:
        """The final answer, when it has come."""
        return dict(self._read(until="message")["message"])

    def _read(self, until: str) -> dict[str, Any]:
        """Puts the deltas together as the page does."""
        while True:
            _, frame = self.person.frames.get(timeout=120)
            if frame["type"] == "delta":
                assert frame["offset"] <= len(self.seen), "no text is missing"
                self.seen = self.seen[: frame["offset"]] + frame["text"]
            if frame["type"] == until:
                return dict(frame)


def test_answer_that_ends_within_the_notice_is_finished_and_no_second_gpu_is_bought(
    cloud: Cloud, person: Person
) -> None:
    scene = Scene(cloud, person, answer_s=2 * SEEN_AFTER_S, notice_s=100)
    answer = scene.answer()
    wait_until(lambda: scene.session()["status"] in OVER, "the session is over")
    session = scene.session()
    assert answer["content"] == scene.seen and answer["status"] == "answered"
    assert (session["status"], session["outcome"], session["attempt"]) == ("ended", "interrupted", 0)
    assert states_of(cloud, scene.session_id).count("Launch GPU") == 1
    assert session["receipt"]["launches"] == 1
    assert session["receipt"]["completion_tokens"] == scene.tokens_before + answer["usage"]["completion_tokens"]
    assert live_instances(cloud) == []


def test_answer_that_cannot_end_within_the_notice_is_continued_by_a_second_gpu_as_one_answer(
    cloud: Cloud, person: Person
) -> None:
    scene = Scene(cloud, person, answer_s=40, notice_s=SEEN_AFTER_S + 4)
    answer = scene.answer()
    session = scene.session()
    assert answer["content"] == scene.seen and answer["status"] == "answered"
    assert session["attempt"] == 1 and session["instance"]["id"] != scene.instance_id
    stored = person.call("GET", f"/conversations/{scene.conversation}/messages")["data"]
    assert [message["role"] for message in stored] == ["user", "assistant"] and stored[1] == answer
    person.end_session(scene.session_id)
    receipt = scene.session()["receipt"]
    assert receipt["launches"] == 2 and receipt["messages"] == 2
    assert receipt["completion_tokens"] == scene.tokens_before + answer["usage"]["completion_tokens"], (
        "both GPUs' work is on the account"
    )
    assert live_instances(cloud) == []
