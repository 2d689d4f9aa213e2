"""What a shard asks: its lines, without those that are finished, in the order in which they are to be asked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from foreverus.batches.input.lines import Line, estimate_prompt, read_shard
from foreverus.batches.records import LineResult
from foreverus.batches.shards.resources import ShardJob, ShardResources

MAX_ENGINES_LOST = 2  # engines that died under one line: it is not asked again
NO_LIMIT_TOKENS = 1 << 20  # longer than any answer that has a limit


@dataclass(frozen=True, slots=True)
class ShardLines:
    """A shard's lines by their numbers, and what was known of them when it was read."""

    lines: dict[int, Line]
    finished: dict[int, LineResult]
    engines_lost: Mapping[int, int]  # by the number of a suspect: a line that an engine died under

    @property
    def hopeless(self) -> list[Line]:
        """Suspects that are not asked again."""
        return [line for line in self._open() if self._lost(line) >= MAX_ENGINES_LOST]

    @property
    def to_ask(self) -> list[Line]:
        """The longest first: what is long and begins late is what others wait for at the end. Suspects come last, one
        by one: innocent lines are finished before an engine dies again."""
        lines = [line for line in self._open() if self._lost(line) < MAX_ENGINES_LOST]
        return sorted(lines, key=lambda line: (self.is_suspect(line), *_longest_first(line)))

    def is_suspect(self, line: Line) -> bool:
        return line.number in self.engines_lost

    def _open(self) -> list[Line]:
        return [line for number, line in self.lines.items() if number not in self.finished]

    def _lost(self, line: Line) -> int:
        return self.engines_lost.get(line.number, 0)


async def read_lines(resources: ShardResources, job: ShardJob) -> ShardLines:
    """Raises what the table and the bucket raise."""
    known, data = await asyncio.gather(
        resources.run_blocking(resources.batches.finished, job.ref.batch_id, job.number),
        resources.run_blocking(resources.objects.read, job.input_key, job.shard.start, job.shard.end),
    )
    lines = {line.number: line for line in read_shard(data, job.shard.first_line, job.ref.user_id)}
    finished = {number: known.results[number] for number in known.results.keys() & lines.keys()}
    return ShardLines(lines, finished, known.suspects)


def _longest_first(line: Line) -> tuple[int, int]:
    limit = line.prompt.max_tokens
    return -(NO_LIMIT_TOKENS if limit is None else limit), -estimate_prompt(line.prompt)
