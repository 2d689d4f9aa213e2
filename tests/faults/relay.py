"""Plays one case of a program that asks the GPU through OpenAI's API: a stream, and a plain answer after it; with one
thing that goes wrong. It tries again what no word came of, as OpenAI's clients do. `crowd`: four streams at once where
its person has room for two."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx

from local.deploy import AS_A_CLASS
from tests.faults.checks import Verdict
from tests.faults.client import PAUSE_S, NotAnswered
from tests.faults.play import ANSWER_S, Play
from tests.faults.sandbox import PARAMETERS, Sandbox
from tests.faults.settling import LOOK_S
from tests.faults.table import Case

STREAMED, PLAIN = 80, 20  # what the engine counts to
TRIES = 25  # the first answer may wait for a boot, or a GPU's loss
CROWD, ROOM = 4, 2
FULL = "too_many_at_once"
MODEL = f"{PARAMETERS['ModelId']}@gpu"

Item = dict[str, Any]


@dataclass
class Asked:
    """One request, with its tries. `text`: of the last one; `done`: it came to its end, `error`: in this; neither: it
    broke off without a word of why."""

    number: int
    last: int
    text: str = ""
    done: bool = False
    error: str = ""
    tries: int = 0
    admitted: int = 0

    @property
    def order(self) -> str:
        return f"request {self.number}: count to {self.last}"

    @property
    def whole(self) -> str:
        return " ".join(str(number) for number in range(1, self.last + 1))


class RelayPlay(Play):
    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        super().__init__(sandbox, case)
        self.asked: list[Asked] = []
        self.refused = 0  # tries that found no room
        self.writing = 0
        self.most_writing = 0
        self.counting = threading.Lock()

    def _person(self) -> None:
        try:
            self.client.converse()
            if self.case.what.startswith("crowd"):
                self._leave_room()
            self.client.call("POST", "/sessions", {})
            self._await_serving()
            many = CROWD if self.case.what.startswith("crowd") else 1
            asking = [threading.Thread(target=self._ask_program, args=(True,), daemon=True) for _ in range(many)]
            for one in asking:
                one.start()
            self._meet("answering")
            for one in asking:
                one.join(2 * ANSWER_S)
            if many == 1:
                self._ask_program(False)
            self._end()
        except NotAnswered as problem:
            self.notes.append(str(problem))

    def _is_asked_badly(self) -> bool:
        """Whether more came at once than there was room for."""
        return self.case.what.startswith("crowd") and self.refused > 0

    def _await_serving(self) -> None:
        deadline = time.monotonic() + ANSWER_S
        while not any(one["status"]["S"] == "serving" for one in self.sandbox.sessions()):
            self._repair()
            if time.monotonic() > deadline:
                return self.notes.append("no session serves")
            time.sleep(LOOK_S)
        self.ran_at = time.monotonic()

    def _leave_room(self) -> None:
        """As if all of the person's other places were taken."""
        most, until = int(AS_A_CLASS["PersonRequestsAtOnce"]), int(time.time()) + 900
        held = json.dumps({f"other_{number}": until for number in range(most - ROOM)})
        item = {"version": {"N": "1"}, "places": {"S": held}}
        where = {"pk": {"S": f"LIMITS#{self.owner()}"}, "sk": {"S": "REQUESTS"}}
        self.sandbox.client("dynamodb").put_item(TableName=self.sandbox.table, Item={**where, **item})

    def owner(self) -> str:
        """Whose the conversation is."""
        key = f"CONVERSATION#{self.client.conversation}"
        return next(one["pk"]["S"].partition("#")[2] for one in self.sandbox.items() if one["sk"]["S"] == key)

    def _ask_program(self, streams: bool) -> None:
        with self.counting:
            one = Asked(len(self.asked), STREAMED if streams else PLAIN)
            self.asked.append(one)
        while one.tries < TRIES and not (one.done or one.text):
            one.tries, one.error = one.tries + 1, ""
            try:
                self._try(one, streams)
            except httpx.HTTPError as problem:
                self.notes.append(f"{one.order}: {problem!r}")
            if one.error.startswith("4") and FULL not in one.error:
                return
            time.sleep(PAUSE_S)
            self.ran_at = time.monotonic()

    def _try(self, one: Asked, streams: bool) -> None:
        body = {"model": MODEL, "messages": [{"role": "user", "content": one.order}], "max_tokens": 400}
        with self.client.http.stream("POST", "/chat/completions", json={**body, "stream": streams}) as answer:
            if answer.status_code != 200:
                one.error = f"{answer.status_code} {answer.read().decode()[:300]}"
                with self.counting:
                    self.refused += FULL in one.error
                return
            one.admitted += 1
            if not streams:
                one.text, one.done = json.loads(answer.read())["choices"][0]["message"]["content"], True
                return
            with self.counting:
                self.writing += 1
                self.most_writing = max(self.writing, self.most_writing)
            try:
                self._read(one, answer)
            finally:
                with self.counting:
                    self.writing -= 1

    def _read(self, one: Asked, answer: httpx.Response) -> None:
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            if line == "data: [DONE]":
                one.done = True
                continue
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                one.error = json.dumps(event["error"])
                continue
            one.text += event["choices"][0]["delta"].get("content") or ""
            if len(one.text) > 8:
                self.client.words.set()

    def _check(self) -> Verdict:
        verdict = super()._check()
        for one in self.asked:
            check_request(one, verdict)
        check_counts(self, verdict)
        return verdict


def check_request(one: Asked, verdict: Verdict) -> None:
    """Exact and whole, or a clear error: never a beginning that passes for an answer."""
    if not one.whole.startswith(one.text):
        verdict.duplicated.append(f"{one.order} was answered {one.text[:80]!r}")
    if one.done and one.text != one.whole:
        verdict.lost.append(f"{one.order} ended well with {one.text[:80]!r}")
    if not one.done and not one.error:
        verdict.lost.append(f"{one.order} broke off after {one.text[-20:]!r} without an error")
    if one.done and one.error:
        verdict.wrong.append(f"{one.order} has an end and an error: {one.error}")


def check_counts(play: RelayPlay, verdict: Verdict) -> None:
    """Nothing of what was asked is kept; sessions and person have the same counts; no more get through than may."""
    items = play.sandbox.items()
    verdict.leaked += [f"{one['pk']['S']} is kept" for one in items if one["pk"]["S"].startswith("REQUEST")]
    sessions = [one for one in items if one["pk"]["S"] == "SESSIONS"]
    usage = [one for one in items if one["pk"]["S"].startswith("USAGE#")]
    for name in ("messages", "completion_tokens"):
        by_session = sum(number(one, "messages_answered" if name == "messages" else name) for one in sessions)
        by_person = sum(number(one, f"gpu_api_{name}") for one in usage)
        if by_session != by_person:
            verdict.wrong.append(f"the sessions have {by_session} {name}, the person {by_person}")
    answered = sum(number(one, "gpu_api_messages") for one in usage)
    done = sum(one.done for one in play.asked)
    if not done <= answered <= sum(one.tries for one in play.asked):
        verdict.wrong.append(f"{done} requests were answered, and {answered} are counted")
    held = [one for one in items if one["pk"]["S"].startswith("LIMITS#") and one["sk"]["S"] == "REQUESTS"]
    mine = sum(name.startswith("req_") for one in held for name in json.loads(one.get("places", {"S": "{}"})["S"]))
    if mine and not play.struck:
        verdict.leaked.append(f"{mine} places are held by requests that are over")
    times = sum(len(one.get("recent", {"S": ""})["S"].split()) for one in held)
    if times < sum(one.admitted for one in play.asked) or times > sum(one.tries for one in play.asked):
        verdict.wrong.append(f"{times} requests are counted of the minute")
    if play.case.what.startswith("crowd") and play.most_writing > ROOM:
        verdict.wrong.append(f"{play.most_writing} streams were written at once, and there was room for {ROOM}")


def number(item: Item, name: str) -> int:
    return int(item.get(name, {"N": "0"})["N"])
