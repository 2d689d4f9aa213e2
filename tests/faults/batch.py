"""Plays one case of a batch: a person uploads a file, creates a batch, waits, and reads both files; with one thing that
goes wrong. Scripts: `gpu` (three shards), `bedrock` (one), `schedule` (nobody asks: the Scheduler does, on Bedrock)."""

import contextlib
import json
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from local.engine.orders import MISHAPS, REFUSALS
from tests.faults.batch_checks import check_batch
from tests.faults.checks import Verdict
from tests.faults.client import NotAnswered
from tests.faults.play import ANSWER_S, Play
from tests.faults.sandbox import PARAMETERS, Sandbox
from tests.faults.settling import BATCH_OVER, LOOK_S
from tests.faults.table import BATCH_MOMENTS, Case

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
# Spaces between a line's fields: a shard ends at 1 MiB, so 24 lines of 120 kB are three, and no prompt is longer.
PADDING = {"gpu": 120_000}
LINES = {"gpu": 24, "bedrock": 12, "schedule": 6, "seen": 9}
LAST_SHARD = 17  # finished lines: two shards' worth and one
SLOW = 4  # times as much to count, where a strike takes its time
POISONED = 10  # the line that kills engines
SCHEDULED_TRIES = 4  # the Scheduler's, which AWS does not count in seconds

Item = dict[str, Any]


def numbers(line: int) -> int:
    """What a line is asked to count to: half a second of answering, or three quarters, or a whole one."""
    return 20 + 10 * (line % 3)


def counted(last: int) -> str:
    return " ".join(str(number) for number in range(1, last + 1))


class BatchPlay(Play):
    meet_s = 25.0  # the first lines' end is a moment too
    moments: tuple[str, ...] = BATCH_MOMENTS

    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        super().__init__(sandbox, case)
        self.nonce = uuid.uuid4().hex[:8]  # tells this case's lines from others' in the engines' logs
        self.batch_id = ""
        self.finished_before: dict[str, str] = {}  # the strike
        self.source = f"inputs/{self.nonce}/night.jsonl"
        self.lines = range(1, LINES[case.script] + 1)
        self.endpoint = COMPLETIONS if case.order == "text" else CHAT

    # ---- what is asked ----

    def last(self, line: int) -> int:
        return numbers(line) * (SLOW if self.case.order == "slow" else 1)

    def order(self, line: int) -> str:
        mishaps = dict(enumerate((*MISHAPS, *REFUSALS), 2))
        mishap = ""
        if self.case.order == "mishaps" and line in mishaps:
            mishap = f", then at 7: {mishaps[line]}"
        if self.case.order == "poison" and line == POISONED:
            mishap = ", then at 7: crash"
        return f"{self.nonce}-{line}: count to {self.last(line)}{mishap}"

    def _is_asked_badly(self) -> bool:
        return any("then at" in self.order(line) for line in self.lines)

    def content(self) -> bytes:
        return b"".join(self._line(line) for line in self.lines)

    def words(self, line: int) -> Any:
        """What a line's message says."""
        return self.order(line)

    def may_fail(self, line: int) -> tuple[str, ...]:
        """The errors that it may end in where the batch is completed."""
        return ()

    def check_answer(self, line: int, body: Item, verdict: Verdict) -> None:
        """Besides what it counts to."""

    def _line(self, line: int) -> bytes:
        body: Item = {"model": PARAMETERS["ModelId"], "max_tokens": 400, "temperature": 0}
        if self.endpoint == CHAT:
            body["messages"] = [{"role": "user", "content": self.words(line)}]
        else:
            body["prompt"] = self.order(line)
        text = json.dumps({"custom_id": f"line-{line}", "method": "POST", "url": self.endpoint, "body": body})
        return ("{" + " " * max(0, PADDING.get(self.case.script, 0) - len(text)) + text[1:] + "\n").encode()

    # ---- the play ----

    def _person(self) -> None:
        try:
            self._schedule() if self.case.script == "schedule" else self._submit()
            for moment in self.moments:
                self._meet(moment)
            self._await_batch()
            self._read_files()
            self._end()
        except NotAnswered as problem:
            self.notes.append(str(problem))

    def _submit(self) -> None:
        content = self.content()
        if self.case.script == "gpu":
            asked = {"filename": "in.jsonl", "purpose": "batch", "bytes": len(content)}
            file = self.client.call("POST", "/files", asked)
            put = self.client.http.put(file["upload"]["url"], content=content, headers=file["upload"]["headers"])
            put.raise_for_status()
        else:
            form = {"files": {"file": ("in.jsonl", content)}, "data": {"purpose": "batch"}}
            file = self.client.call("POST", "/files", form=form)
        wanted = {
            "input_file_id": file["id"],
            "endpoint": self.endpoint,
            "completion_window": "24h",
            "metadata": {"backend": "gpu" if self.case.script == "gpu" else "bedrock"},
        }
        self.ran_at = time.monotonic()
        self.batch_id = self.client.call("POST", "/batches", wanted, tries=self.case.scenario.patience)["id"]

    def _schedule(self) -> None:
        bucket = self.sandbox.cloud.stack["DataBucket"]
        self.sandbox.client("s3").put_object(Bucket=bucket, Key=self.source, Body=self.content())
        event = {
            "source": f"inputs/{self.nonce}/",
            "overlap": False,
            "scheduled_at": "2026-01-01T04:30:00Z",
            "metadata": {"backend": "bedrock"},
        }
        for _ in range(SCHEDULED_TRIES):
            with contextlib.suppress(ClientError):
                answer = self.sandbox.invoke("StartScheduledBatchFunction", event)
                if answer and answer.get("batches"):
                    (self.batch_id,) = answer["batches"]
                    break
            time.sleep(0.5)
        self.ran_at = time.monotonic()

    def record(self) -> Item | None:
        """The batch, as the table has it."""
        return next(iter(self.records()), None)

    def records(self) -> list[Item]:
        """Every batch of this case: there should be one."""
        return [item for item in self.sandbox.items() if item["sk"]["S"].startswith("BATCH#")]

    def finished_lines(self) -> dict[str, str]:
        """Who finished each line that is in the table, and when."""
        shards = range(4 if self.case.script == "gpu" else 1)
        found = [one for shard in shards for one in self.sandbox.query(f"LINES#{self.batch_id}#{shard:05d}")]
        return {
            one["custom_id"]["S"]: f"{one['by']['S']} at {one['at']['S']}"
            for one in found
            if one["sk"]["S"].startswith("LINE#")
        }

    def _strike(self) -> None:
        self.finished_before = self.finished_lines()
        super()._strike()

    def states(self) -> list[str]:
        """That running executions are in."""
        return list(self.sandbox.seen_now()["states"].values())

    def _happened(self, moment: str) -> bool:
        if moment in ("loading", "first", "last") and (self.is_finishing() or self.is_over()):
            raise TimeoutError(f"{moment}: the batch is over, or will be in a moment")
        if moment == "validating":
            return bool(self.batch_id)
        if moment == "first":
            return len(self.finished_lines()) >= 3
        if moment == "last":
            return len(self.finished_lines()) >= min(LAST_SHARD, len(self.lines) - 2)
        if moment == "finishing":
            return self.is_finishing() or self.is_over()
        return super()._happened(moment)

    def is_finishing(self) -> bool:
        return bool({"Finish", "Finish as failed", "Store summary", "Notify"} & set(self.states()))

    def is_over(self) -> bool:
        record = self.record()
        return record is not None and record["status"]["S"] in BATCH_OVER

    def _await_batch(self) -> None:
        deadline = time.monotonic() + 2 * ANSWER_S
        while time.monotonic() < deadline and not self.is_over():
            self._repair()
            if self._is_stuck():
                self.notes.append("the batch is not over, and nothing ran for a while")
                return
            time.sleep(LOOK_S)

    def _read_files(self) -> None:
        shown = self.client.call("GET", f"/batches/{self.batch_id}")
        self.client.call("GET", "/batches")
        for name in ("output_file_id", "error_file_id"):
            if shown.get(name):
                self.client.read(shown[name])

    def _check(self) -> Verdict:
        verdict = super()._check()
        check_batch(self, verdict)
        return verdict
