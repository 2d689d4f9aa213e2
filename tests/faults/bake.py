"""Plays one case of a bake: it is started, something goes wrong, and a person asks whatever comes after it. Where the
bake has failed, the next one must succeed and leave nothing of it."""

import json
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from tests.faults.checks import Verdict
from tests.faults.client import NotAnswered
from tests.faults.play import Play
from tests.faults.settling import LOOK_S

BAKE_S = 90.0  # two boots' limit and the image's
STARTS = 5
NEXT = "the next bake"
BAKING = ("Create image", "Wait for image", "Look at image", "Is the image there?", "Publish image")


class BakePlay(Play):
    meet_s = 40.0  # the image comes after a whole boot

    def __init__(self, sandbox: Any, case: Any) -> None:
        super().__init__(sandbox, case)
        self.bakes: list[str] = []
        self.mended = False  # by the next bake, where the struck one has failed

    def _person(self) -> None:
        self._bake()
        for moment in ("loading", "baking"):
            self._meet(moment)
        self._await_bake()
        try:
            self.client.converse()
            self._ask("count to 8")
            self._await_answer()
            self._end()
        except NotAnswered as problem:
            self.notes.append(str(problem))

    def _bake(self) -> None:
        """Starts one, under a name of its own."""
        name = f"bake_{uuid.uuid4().hex[:8]}"
        for _ in range(STARTS):
            try:
                self.sandbox.client("stepfunctions").start_execution(
                    stateMachineArn=self.sandbox.bake_machine, name=name, input=json.dumps({})
                )
                break
            except ClientError as problem:
                self.notes.append(f"starting {name}: {problem}")
                time.sleep(0.5)
        self.bakes.append(name)
        self.ran_at = time.monotonic()

    def _await_bake(self) -> None:
        """Until it is over, and so is its session."""
        deadline = time.monotonic() + BAKE_S
        while time.monotonic() < deadline and (self._runs() or self._live_sessions()):
            self._repair()
            if self._is_stuck():
                self.notes.append("the bake's session is live, and nothing ran for a while")
                return
            time.sleep(LOOK_S)

    def _live_sessions(self) -> list[str]:
        return [one["sk"]["S"] for one in self.sandbox.sessions() if one["status"]["S"] not in ("ended", "failed")]

    def _happened(self, moment: str) -> bool:
        if moment == "baking":
            return any(state in BAKING for state in self.sandbox.seen_now()["states"].values())
        return super()._happened(moment)

    def _settle(self) -> int:
        rounds, struck = super()._settle(), self.struck
        if self.status(self.bakes[0]) != "SUCCEEDED":
            self.mended = True
            self._bake()
            self._await_bake()
            rounds += super()._settle()
        self.struck = struck
        return rounds

    def status(self, bake: str) -> str:
        return self.sandbox.executions().get(bake, "never started")

    def _check(self) -> Verdict:
        verdict = super()._check()
        check_bake(self, verdict)
        return verdict


def check_bake(play: BakePlay, verdict: Verdict) -> None:
    """What is published is there and is the only image, and no snapshot of another costs anything at rest."""
    images, published = play.sandbox.images(), play.sandbox.published_image()
    if play.status(play.bakes[-1]) != "SUCCEEDED":
        verdict.wrong.append(f"{NEXT} is {play.status(play.bakes[-1])}: {play.sandbox.end_of(play.bakes[-1])}")
    if images != [published]:
        verdict.leaked.append(f"{published or 'nothing'} is published, and the images are {images}")
    if len(play.sandbox.snapshots()) != len(images):
        verdict.leaked.append(f"{len(play.sandbox.snapshots())} snapshots of {len(images)} images")
    baked = [one for one in play.sandbox.sessions() if one.get("trigger", {}).get("S") == "bake"]
    for session in baked:
        name, until = session["sk"], session.get("baked_at", {"S": ""})["S"]
        answers = [item for item in play.sandbox.items() if item.get("session_id") == name and "answered_at" in item]
        # One that was released, because its bake had failed, serves as any other from then on.
        if any(item["answered_at"]["S"] < until for item in answers):
            verdict.wrong.append(f"{session['sk']['S']} served somebody while its disk was kept still")
    if play.case.what == "good" and play.mended:
        verdict.wrong.append("a bake that nothing disturbs has failed")
