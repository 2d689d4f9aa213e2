"""Recording what a shard has come to: its finished lines in groups, its totals and what is measured of it every few
seconds."""

import logging

from foreverus.batches.input.lines import Line
from foreverus.batches.records import LineResult
from foreverus.batches.shards.group_commit import GroupCommit
from foreverus.batches.shards.outcomes import Outcomes
from foreverus.batches.shards.reading import MAX_ENGINES_LOST, ShardLines
from foreverus.batches.shards.resources import ShardJob, ShardResources
from foreverus.batches.shards.results import BEDROCK, LineTotals, engine_failed

log = logging.getLogger(__name__)


class ShardRecorder:
    """`results` takes each finished line. `slot_seconds`: of the backend's slots, and in no progress yet."""

    def __init__(self, resources: ShardResources, job: ShardJob):
        self.results: GroupCommit[LineResult] = GroupCommit(self._write, resources.slots, resources.backlog)
        self.slot_seconds = 0.0
        self._resources = resources
        self._job = job
        self._totals = LineTotals()
        self._outcomes = Outcomes(resources.metrics, "bedrock" if resources.answered_by == BEDROCK else "gpu")
        self._reported = 0  # lines, in the newest progress

    def begin_with(self, known: ShardLines) -> None:
        """Counts the lines that were finished before, and finishes those that are not asked again."""
        for result in known.finished.values():
            self._totals.add(result)
        for line in known.hopeless:
            self._give_up(line)

    def has_all(self, known: ShardLines) -> bool:
        """Whether every line's result is in the table."""
        return self._totals.lines == known.lines.keys()

    async def suspect(self, line: Line) -> None:
        """An engine died under the line; one that two engines died under is finished here and now."""
        r = self._resources
        try:
            count = await r.run_blocking(r.batches.suspect, self._job.ref.batch_id, self._job.number, line.number)
        except Exception as err:
            log.warning("line %d of %s could not be suspected: %r", line.number, self._job, err)
        else:
            if count >= MAX_ENGINES_LOST:
                self._give_up(line)

    async def report(self, whole: bool = False) -> None:
        """Writes the shard's progress, if there is any. `whole`: the shard is done."""
        self._outcomes.tell_old()
        lines, spent = len(self._totals.lines), round(self.slot_seconds, 3)
        if lines == self._reported and not spent and not whole:
            return
        r = self._resources
        is_session = r.answered_by != BEDROCK
        progress = self._totals.progress(r.answered_by if is_session else "", spent if is_session else 0.0)
        self.slot_seconds = 0.0  # also when this is cancelled: then the write may have landed
        try:
            await r.run_blocking(r.batches.progress, self._job.ref, self._job.number, progress, whole)
        except Exception:
            self.slot_seconds += spent
            raise
        self._reported = lines

    def close(self) -> None:
        """The run is over: what is not written is given up, and what is written is told."""
        self.results.close()
        self._outcomes.tell()

    def _give_up(self, line: Line) -> None:
        self.results.put(engine_failed(line, self._resources.answered_by, self._resources.clock()))

    async def _write(self, results: list[LineResult]) -> None:
        r = self._resources
        await r.run_blocking(r.batches.keep_results, self._job.ref.batch_id, self._job.number, results, r.clock())
        for result in results:
            self._totals.add(result)
        r.on_recorded(results)
        self._outcomes.add(results)
