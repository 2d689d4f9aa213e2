"""Plays one case of two programs that have our own container do something at the same time, with one thing that goes
wrong: a text is read aloud, and a picture's text is read for an answer on Bedrock. They try again as OpenAI's clients
do. Whatever happens: each gets what it asked for, once, or a clear error; and nothing is left on."""

import base64
import io
import threading
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local.patches.ecs_tasks import PATH as TASKS
from tests.faults.checks import Verdict, check_purse
from tests.faults.client import PAUSE_S
from tests.faults.play import ANSWER_S, Play
from tests.faults.sandbox import PARAMETERS
from tests.faults.settling import LOOK_S
from tests.faults.table import Case

LAST = 12  # what Bedrock counts to
TRIES = 60  # a container that starts is asked for again and again
LEAST_S = 5.0  # of the sound: 20 sentences
SENTENCES = " ".join(["This is a sentence that takes a while to say."] * 20)
NOTE = (Path(__file__).resolve().parents[1] / "pictures" / "note.png").read_bytes()
FOLDERS = ("audio/", "pictures/")
CANNOT_START = "container_cannot_start"
JOB, RUN = "JOB", "ABILITIES"


@dataclass
class Wanted:
    """`done`: it came, whole. `error`: what the last try was answered."""

    path: str
    body: dict[str, Any]
    done: bool = False
    error: str = ""
    tries: int = 0


class ContainerPlay(Play):
    meet_s = 60.0  # a task starts as an image does: not at once

    def __init__(self, sandbox: Any, case: Case) -> None:
        super().__init__(sandbox, case)
        url = f"data:image/png;base64,{base64.b64encode(NOTE).decode()}"
        parts = [{"type": "text", "text": f"count to {LAST}"}, {"type": "image_url", "image_url": {"url": url}}]
        model, asked = f"{PARAMETERS['ModelId']}@bedrock", [{"role": "user", "content": parts}]
        self.speech = Wanted(
            "/audio/speech",
            {"model": "container", "voice": "echo", "input": SENTENCES, "response_format": "wav"},
        )
        self.picture = Wanted("/chat/completions", {"model": model, "messages": asked, "max_tokens": 100})
        self.twice: list[str] = []
        self.kept_before = set(self._kept())  # by a case that went wrong

    @property
    def wanted(self) -> tuple[Wanted, Wanted]:
        return self.speech, self.picture

    def _person(self) -> None:
        asking = [threading.Thread(target=self._want, args=(one,), daemon=True) for one in self.wanted]
        for one in asking:
            one.start()
        self._meet("starting")
        self._meet("working")
        deadline = time.monotonic() + 2 * ANSWER_S
        while any(one.is_alive() for one in asking) and time.monotonic() < deadline:
            self._repair()
            time.sleep(LOOK_S)
        self._meet("idle")

    def _happened(self, moment: str) -> bool:
        items = self.sandbox.items()
        run = next((one for one in items if is_run(one)), None)
        if run is None:
            return False
        jobs = [one for one in items if one["sk"]["S"] == JOB and "ended_at" not in one]
        if moment == "starting":
            return bool(self.sandbox.live_tasks())
        serves = run["phase"]["S"] == "serving"
        return serves and bool(jobs) if moment == "working" else serves and not jobs

    def _want(self, one: Wanted) -> None:
        while one.tries < TRIES and not one.done:
            one.tries += 1
            try:
                with httpx.Client(timeout=300, trust_env=False, headers=self.client.http.headers) as http:
                    answer = http.post(f"{self.sandbox.cloud.outputs['api_url']}{one.path}", json=one.body)
                one.error = "" if answer.is_success else f"{answer.status_code} {answer.text[:300]}"
                one.done = answer.is_success and self._is_whole(one, answer)
            except httpx.HTTPError as problem:
                one.error = f"broke off: {problem!r}"
            if one.error.startswith("4") or CANNOT_START in one.error:  # it says so: nobody is to ask again
                return
            self.ran_at = time.monotonic()
            time.sleep(PAUSE_S)

    def _is_whole(self, one: Wanted, answer: httpx.Response) -> bool:
        if one is self.speech:
            with wave.open(io.BytesIO(answer.content)) as sound:
                seconds = sound.getnframes() / sound.getframerate()
            if seconds < LEAST_S:
                one.error = f"{seconds:.1f} s of sound"
            return seconds >= LEAST_S
        text = answer.json()["choices"][0]["message"]["content"]
        if text != " ".join(map(str, range(1, LAST + 1))):
            self.twice.append(f"the picture's question was answered {text[:80]!r}")
        return True

    def _not_over(self) -> Iterator[str]:
        yield from super()._not_over()
        if tasks := self.sandbox.live_tasks():
            yield f"live {tasks}"
        yield from (f"the run {one['run_id']['S']}" for one in self.sandbox.items() if is_run(one))

    def _check(self) -> Verdict:
        verdict, items = Verdict(duplicated=self.twice), self.sandbox.items()
        verdict.leaked += [f"{one} is live" for one in self.sandbox.live_tasks()]
        processes = self.sandbox.http.get(TASKS).json()
        verdict.leaked += [f"the process {number} of {arn} runs" for arn, number in processes.items()]
        verdict.leaked += [f"{one['pk']['S']} is kept" for one in items if is_run(one) or is_job(one)]
        if "ability_off" not in self.case.name:  # the right to delete goes too: the bucket's rule does it, in a day
            verdict.leaked += [f"{one} is kept" for one in self._left()]
        for one in self.wanted:
            if not one.done and not one.error.startswith("4") and "error" not in one.error:
                verdict.lost.append(f"{one.path} has no answer and no clear error after {one.tries}: {one.error}")
            if not one.done and not self.struck:
                verdict.lost.append(f"{one.path} was not answered, though nothing was struck: {one.error}")
        executions = self.sandbox.executions()
        verdict.wrong += [f"execution {name} runs" for name, status in executions.items() if status == "RUNNING"]
        counted = {one["sk"]["S"] for one in items if one["pk"]["S"].startswith("LEDGER#")}
        paid = self.sandbox.runs_with_tasks()  # one that never had any has cost nothing
        verdict.wrong += [f"{name} is not in the ledger" for name in paid - counted if self._is_ours(name)]
        check_purse(items, verdict)
        done = sum(one.done for one in self.wanted)
        used = sum(number(one) for one in items if one["pk"]["S"].startswith("USAGE#"))
        if not done <= used <= sum(one.tries for one in self.wanted):
            verdict.wrong.append(f"{done} jobs were done, and {used} are counted")
        return verdict

    def _is_ours(self, name: str) -> bool:
        """Of this case: the emulator remembers tasks of the ones before."""
        return int(name.removeprefix("run_")[:12], 16) / 1000 > time.time() - (time.monotonic() - self.begun)

    def _kept(self) -> list[str]:
        s3, bucket = self.sandbox.client("s3"), self.sandbox.cloud.stack["DataBucket"]
        found = (s3.list_objects_v2(Bucket=bucket, Prefix=one).get("Contents", []) for one in FOLDERS)
        return [one["Key"] for objects in found for one in objects]

    def _left(self) -> list[str]:
        return sorted(set(self._kept()) - self.kept_before)


def is_run(item: dict[str, Any]) -> bool:
    return (item["pk"]["S"], item["sk"]["S"]) == (RUN, "RUN")


def is_job(item: dict[str, Any]) -> bool:
    return bool(item["sk"]["S"] == JOB)


def number(item: dict[str, Any]) -> int:
    return int(item.get("container_api_messages", {"N": "0"})["N"])
