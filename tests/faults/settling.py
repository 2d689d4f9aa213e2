"""After the fault: what ends by itself has its time, then the five minutes' schedules come, until nothing is left."""

import time
from collections.abc import Iterator

from foreverus.aws import keys

LOOK_S = 0.3  # until it looks again how far the system is: each look costs the two cores that it runs on
QUIET_S = 20.0
ROUNDS = 4  # of six simulated minutes each, when something is left
LONG_S = 960.0  # simulated: what was not saved is tried again a quarter of an hour after its end
STILL_S = 3.0  # nothing runs for so long, and no instance lives: nothing more happens by itself
UNSAVED_STILL_S = 0.5  # nor is anything saved
OUTBOX = (keys.outbox_partition(keys.SESSIONS), keys.outbox_partition(keys.BATCHES))
BATCH_OVER = ("completed", "failed", "expired", "cancelled")


class Settling:
    """The second half of `Play`, which has what is used here."""

    def _settle(self) -> int:
        """The fault is over. What ends by itself has its time; then the schedules run. Returns how many rounds."""
        deadline = time.monotonic() + QUIET_S
        while self._runs() and time.monotonic() < deadline:  # the fault lasts until the session is over
            time.sleep(LOOK_S)
        self.struck = self._hits()
        self.sandbox.faults("clear")
        for stop in self.when_over:
            stop()
        self._repair(now=True)
        if self.case.sweep:
            self._sweep()
        for round_ in range(ROUNDS + 1):
            if self._quiet(QUIET_S):
                return round_
            if round_ < ROUNDS:
                self.notes.append(f"round {round_ + 1}: {self.restless()}")
                self.notes += self.sandbox.five_minutes_pass(*([LONG_S] if self.is_late else []))
        return ROUNDS + 1

    def _sweep(self) -> None:
        """What is scheduled finds something to do, and is struck itself."""
        self._meet("swept")
        self.sandbox.faults("forget")
        for rule in self.case.rules:
            self.rule(**rule)
        self.notes.append(f"swept: {self.restless()}")
        self.notes += self.sandbox.five_minutes_pass(LONG_S)
        self.struck = self._hits()
        self.sandbox.faults("clear")

    def _runs(self) -> list[str]:
        return [name for name, status in self.sandbox.executions().items() if status == "RUNNING"]

    def _quiet(self, seconds: float) -> bool:
        begun = still_since = time.monotonic()
        while why := self.restless():
            now = time.monotonic()
            if why.startswith(("running", "live")):
                still_since = now
            still_s = UNSAVED_STILL_S if why.startswith("unsaved") else STILL_S
            if now - begun > seconds or now - still_since > still_s:
                return False
            time.sleep(LOOK_S)
        return True

    @property
    def is_late(self) -> bool:
        """Whether what is left is looked at a quarter of an hour after its end, or after its file's."""
        return self.restless().startswith("unsaved") or any(why.endswith("finalizing") for why in self._not_over())

    def restless(self) -> str:
        """What is not over yet; empty: nothing. What keeps the rest from its end comes first."""
        return next(self._not_over(), "")

    def _not_over(self) -> Iterator[str]:
        if running := self._runs():
            yield f"running {running}"
        if functions := self.sandbox.running_functions():
            yield f"running {functions}"
        if live := self.sandbox.live_instances():
            yield f"live {live}"
        unsaved = ""
        for item in self.sandbox.items():
            held = item["sk"]["S"].startswith(("RESERVED#", "SLOT#"))
            if held or item["pk"]["S"] in ("PENDING", "PENDING#BEDROCK", *OUTBOX):
                yield f"{item['pk']['S']} {item['sk']['S']}"
            if item["pk"]["S"] == "SESSIONS" and item["status"]["S"] not in ("ended", "failed"):
                yield f"session {item['sk']['S']} {item['status']['S']}"
            if item["sk"]["S"].startswith("BATCH#") and item["status"]["S"] not in BATCH_OVER:
                yield f"{item['sk']['S']} {item['status']['S']}"
            if item["pk"]["S"] == "REQUESTS":
                unsaved = f"unsaved request {item['sk']['S']}"
            if item["pk"]["S"] == "BATCHES" or (item["pk"]["S"] == "SESSIONS" and "stored_at" not in item):
                unsaved = "" if self.case.spoils else f"unsaved {item['sk']['S']}"  # there is no database any more
        if unsaved:
            yield unsaved
