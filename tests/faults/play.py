"""Plays one case: a person's two questions and a session's whole life, with one thing that goes wrong."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
from botocore.exceptions import ClientError

from tests.faults import strikes
from tests.faults.checks import BEDROCK_MODEL, Verdict, check
from tests.faults.client import Client, NotAnswered
from tests.faults.sandbox import PARAMETERS, Sandbox
from tests.faults.settling import LOOK_S, Settling
from tests.faults.table import Case

FIRST, SECOND = 40, 8  # what the engine counts to: a second of answering, and a moment
ANSWER_S = 45.0
END_S = 30.0
SWEPT_STUCK_S = 1.5  # where the sweep is what the case is about
CRASHED_STUCK_S = 5.0  # after the control plane's crash nothing comes by itself
STUCK_S = 10.0  # nothing runs for so long: only the five minutes' schedules bring it on, and `_settle` has them come
MEET_S = 10.0  # to wait for a moment that a strike needs
REPAIRED = 0.1  # the chance, at each look, that what was struck is repaired: after three seconds or so
MEET_LOOK_S = 0.05  # for a moment that may be short
# A strike and its moment do not meet.
UNMET = (LookupError, StopIteration, OSError, ClientError, httpx.HTTPError, NotAnswered)


@dataclass
class Result:
    name: str
    seed: int
    seconds: float
    struck: int
    orphan_s: float
    rounds: int
    leaked: list[str]
    lost: list[str]
    duplicated: list[str]
    wrong: list[str]
    notes: list[str]
    states: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.leaked or self.lost or self.duplicated or self.wrong)

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": "good" if self.good else "violated"}


class Play(Settling):
    meet_s = MEET_S
    meet_look_s = MEET_LOOK_S
    image_asker = ""  # the function that has images seen, where any are shown
    uploaded = ""  # the image
    bedrock_models: tuple[str, ...] = (BEDROCK_MODEL,)  # that may answer

    def __init__(self, sandbox: Sandbox, case: Case, begin: int = 0) -> None:
        self.sandbox = sandbox
        self.case = case
        self.random = random.Random(case.seed)
        self.client = Client(sandbox.cloud.outputs)
        self.accepted: list[str] = []
        self.expected: dict[str, int] = {}
        self.stopped: set[str] = set()  # messages whose reader wants no more of the answer
        self.notes: list[str] = []
        self.struck = 0
        self.spent_elsewhere = 0.0  # USD that a strike has put into the month's ledger
        self.most_received = 0
        self.longest_s = 0.0  # from a question to its answer's end
        self.afterwards: list[Callable[[Play], None]] = []
        self.when_over: list[Callable[[], None]] = []
        self.begun = self.ran_at = time.monotonic()

    # ---- what strikes use ----

    def rule(self, **rule: Any) -> None:
        self.sandbox.faults("add", rule=rule)

    def later(self, act: Callable[["Play"], None]) -> None:
        """Repairs what was struck, after a while or when the case settles."""
        self.afterwards.append(act)

    def user(self) -> str:
        return next(
            item["user_id"]["S"]
            for item in self.sandbox.items()
            if item["pk"]["S"].startswith("CONVERSATION#") and "user_id" in item
        )

    # ---- the play ----

    def run(self) -> Result:
        self.sandbox.faults("clear")
        self.sandbox.faults("forget")
        self.sandbox.passed_s = 0
        try:
            for rule in (*(() if self.case.sweep else self.case.rules), *self.case.setting):
                self.rule(**rule)
            holder = threading.Thread(target=self._strike_when_held, daemon=True)
            if self.case.held:
                holder.start()
            self._person()
            if self.case.held and holder.is_alive():
                holder.join(MEET_S)
            rounds = self._settle()
            verdict = self._check()
        finally:
            self.sandbox.faults("clear")
            self.client.close()
        return self._result(rounds, verdict)

    def _person(self) -> None:
        try:
            self.client.converse()
            if self.case.scenario.bedrock_refused:
                self.sandbox.refuse_bedrock()
            if self.case.scenario.allow_on_demand:
                self.client.call("POST", "/sessions", {"allow_on_demand": True})
            self._ask(self.case.order or f"count to {FIRST}")
            self._meet("loading")
            self._meet("answering")
            self._await_answer()
            self._meet("serving")
            # While a session is live the API takes messages beyond the month's cap; its session ends them in an error.
            if self.case.scenario.alone or self.case.strike == "month_spent":
                self._end()
            if not self.case.scenario.once:
                self._ask(f"count to {SECOND}")
                self._await_answer()
            self._end()
        except NotAnswered as problem:
            self.notes.append(str(problem))

    def _check(self) -> Verdict:
        return check(self)

    def _hits(self) -> int:
        """How often the case's own fault struck. Rules of its scenario do not count, nor does a scenario's strike."""
        mine = sum(self.sandbox.faults()["hits"][: len(self.case.rules)])
        return mine if self.case.rules and not self.case.held else self.struck + self._is_asked_badly()

    def _is_asked_badly(self) -> bool:
        """Whether the fault is in what the engine is asked."""
        hidden_s = float(PARAMETERS["VisibilitySeconds"])
        return "then at" in self.case.order or (self.case.name == "long" and self.longest_s > hidden_s)

    def _ask(self, content: str, *images: str) -> None:
        message = self.client.ask(content, self.case.scenario.backend, images)
        self.accepted.append(message)
        self.ran_at = time.monotonic()
        self.expected[message] = int(content.split()[2].rstrip(","))

    def _meet(self, moment: str) -> None:
        if self.case.moment != moment or self.case.held:
            return
        try:
            self._wait_for(moment)
            self._strike()
        except (*UNMET, TimeoutError) as problem:
            self.notes.append(f"did not meet: {problem!r}")

    def _strike(self) -> None:
        strikes.STRIKES[self.case.strike](self)
        self.struck += 1

    def _wait_for(self, moment: str) -> None:
        deadline = time.monotonic() + self.meet_s
        while not self._happened(moment):
            if time.monotonic() > deadline:
                raise TimeoutError(moment)
            time.sleep(self.meet_look_s)

    def _happened(self, moment: str) -> bool:
        from local.instances import faults

        if moment == "loading":
            return bool(faults.machines(self.sandbox.places))
        if moment == "answering":
            return self.client.words.is_set()
        return moment in ("ending", "swept") or "Serve" in self.sandbox.seen_now()["states"].values()

    def _strike_when_held(self) -> None:
        """A state of the machine is held, before or after its call took effect: now the strike."""
        deadline = time.monotonic() + ANSWER_S
        while not self.sandbox.seen_now()["held"]:
            if time.monotonic() > deadline:
                return
            time.sleep(MEET_LOOK_S)
        try:
            self._strike()
        except UNMET as problem:
            self.notes.append(f"did not meet: {problem!r}")
        self.sandbox.faults("release")

    def _await_answer(self) -> None:
        """Until the newest request has its end; a rule of the case may be keeping it, so not for ever."""
        begun = time.monotonic()
        while time.monotonic() < begun + ANSWER_S:
            if self._is_final(self.accepted[-1]):
                self.longest_s = max(self.longest_s, time.monotonic() - begun)
                return
            if self.case.name == "long":
                self.most_received = max(self.most_received, self.sandbox.most_received())
            self._repair()
            if self._is_stuck():
                self.notes.append("no answer, and nothing ran for a while")
                return
            time.sleep(LOOK_S)
        self.notes.append(f"no answer within {ANSWER_S:.0f} s")

    def _is_final(self, message: str) -> bool:
        status = self.sandbox.answer_status(self.client.conversation, message)
        return status in ("answered", "failed")

    def _end(self) -> None:
        deadline = time.monotonic() + END_S
        while time.monotonic() < deadline:
            sessions = self.sandbox.sessions()
            if not sessions or sessions[-1]["status"]["S"] in ("ended", "failed"):
                return
            if "end_requested" not in sessions[-1]:
                self.client.call("DELETE", f"/sessions/{sessions[-1]['sk']['S']}")
            self._meet_once("ending")
            self._repair()
            if self._is_stuck():
                self.notes.append("no end, and nothing ran for a while")
                return
            time.sleep(LOOK_S)
        self.notes.append(f"no end within {END_S:.0f} s")

    def _is_stuck(self) -> bool:
        """Whether no execution has run for a while."""
        if self._runs():
            self.ran_at = time.monotonic()
        patience_s = SWEPT_STUCK_S if self.case.sweep else CRASHED_STUCK_S if self.case.spoils else STUCK_S
        return time.monotonic() - self.ran_at > patience_s

    def _meet_once(self, moment: str) -> None:
        if not self.struck:
            self._meet(moment)

    def _repair(self, now: bool = False) -> None:
        if self.afterwards and (now or (not self.case.sweep and self.random.random() < REPAIRED)):
            for act in self.afterwards:
                act(self)
            self.afterwards = []

    def _result(self, rounds: int, verdict: Verdict) -> Result:
        ran = self.sandbox.executions()
        sessions = [one["sk"]["S"] for one in self.sandbox.sessions() if one["sk"]["S"] in ran]
        return Result(
            name=self.case.name,
            seed=self.case.seed,
            seconds=round(time.monotonic() - self.begun, 2),
            struck=self.struck,
            orphan_s=self.sandbox.orphan_s(self.begun),
            rounds=rounds,
            leaked=verdict.leaked,
            lost=verdict.lost,
            duplicated=verdict.duplicated,
            wrong=verdict.wrong,
            notes=self.notes,
            states=self.sandbox.states_of(sessions[0]) if sessions else [],
        )
