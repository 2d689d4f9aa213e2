"""A batch's output and error file: each line of the input has exactly one line in one of them.

Shard by shard and in the order of the input; one shard's lines are in memory at a time.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from foreverus import strict_json
from foreverus.aws.s3 import ObjectNotThere, Objects, Writer
from foreverus.batches.input.lines import error_line, output_line, read_shard
from foreverus.batches.records import Batch, BatchStatus, LineError, LineResult, Shard
from foreverus.batches.store import Batches
from foreverus.costs.usage.records import UsageKind, Used, UsedService

# What is said of a line without an answer, by the status that its batch ends in.
UNANSWERED = {
    BatchStatus.EXPIRED: ("batch_expired", "This request could not be executed before the completion window expired."),
    BatchStatus.CANCELLED: ("batch_cancelled", "This request was not executed because the batch was cancelled."),
    BatchStatus.FAILED: ("batch_failed", "This request was not executed because the batch failed."),
    BatchStatus.COMPLETED: ("batch_failed", "This request was not executed."),  # no line should be in want of it
}

logger = logging.getLogger(__name__)


@dataclass
class BatchTotals:
    """Over the lines that were written. `lost`: lines that neither the table nor our copy of the input knows."""

    completed: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    lost: int = 0
    on_gpu: int = 0  # lines
    gpu_completion_tokens: int = 0
    on_bedrock: int = 0
    bedrock_prompt_tokens: int = 0
    bedrock_completion_tokens: int = 0
    first_on_bedrock: str = ""
    last_on_bedrock: str = ""

    @property
    def bedrock_tokens_per_second(self) -> float | None:
        """Between the first and the last line there; None for too little to say."""
        if self.on_bedrock < LINES_THAT_TELL:
            return None
        began, ended = datetime.fromisoformat(self.first_on_bedrock), datetime.fromisoformat(self.last_on_bedrock)
        seconds = (ended - began).total_seconds()
        return round(self.bedrock_completion_tokens / seconds, 2) if seconds >= 1 else None

    def used(self, bedrock_usd: Decimal) -> tuple[Used, ...]:
        """What the lines took, on a GPU and on Bedrock; nothing of the one that answered none."""
        bedrock = Used(
            service=UsedService.BEDROCK,
            kind=UsageKind.BATCH,
            messages=self.on_bedrock,
            prompt_tokens=self.bedrock_prompt_tokens,
            completion_tokens=self.bedrock_completion_tokens,
            usd=bedrock_usd,
        )
        gpu = Used(
            service=UsedService.GPU,
            kind=UsageKind.BATCH,
            messages=self.on_gpu,
            prompt_tokens=self.prompt_tokens - self.bedrock_prompt_tokens,
            completion_tokens=self.completion_tokens - self.bedrock_completion_tokens,
        )
        return tuple(one for one in (gpu, bedrock) if one.messages or one.usd)

    def count(self, line: LineResult) -> None:
        failed = line.error is not None
        self.failed += failed
        self.completed += not failed
        self.prompt_tokens += line.prompt_tokens
        self.completion_tokens += line.completion_tokens
        if line.on_bedrock:
            self.on_bedrock += 1
            self.bedrock_prompt_tokens += line.prompt_tokens
            self.bedrock_completion_tokens += line.completion_tokens
            self.first_on_bedrock = min(self.first_on_bedrock or line.at, line.at)
            self.last_on_bedrock = max(self.last_on_bedrock, line.at)
        elif line.by:
            self.on_gpu += 1
            self.gpu_completion_tokens += line.completion_tokens


LINES_THAT_TELL = 64  # of a batch on Bedrock, before its speed is one


@dataclass(frozen=True)
class Assembly:
    """`status`: the one that the batch ends in."""

    batch: Batch
    status: BatchStatus
    store: Batches
    objects: Objects

    def write(self, output: Writer, errors: Writer) -> BatchTotals:
        """Writes all lines."""
        totals, batch = BatchTotals(), self.batch
        for shard in self.store.shards(batch.batch_id):
            answered, refused = [], []
            for line in self._lines(shard):
                totals.count(line)
                if line.error:
                    refused.append(error_line(batch.batch_id, line, line.error))
                else:
                    answered.append(output_line(batch.batch_id, batch.model or "", line, batch.endpoint))
            output.write(_jsonl(answered))
            errors.write(_jsonl(refused))
        totals.lost = max((batch.total or 0) - totals.completed - totals.failed, 0)
        return totals

    def _lines(self, shard: Shard) -> Iterator[LineResult]:
        """A shard's finished lines, and an error for each of the others, in order. The input is read only where lines
        are missing."""
        results = self.store.finished(self.batch.batch_id, shard.number).results
        if len(results) < shard.lines:
            results = {**self._unanswered(shard), **results}
        for number in sorted(results):
            yield results[number]

    def _unanswered(self, shard: Shard) -> dict[int, LineResult]:
        try:
            data = self.objects.read(self.batch.input_key, shard.start, shard.end)
        except ObjectNotThere:
            # The batch must end all the same; the record's `errors` will say it.
            logger.exception("our copy of the input of %s is gone", self.batch.batch_id)
            return {}
        error = LineError(*UNANSWERED[self.status])
        lines = read_shard(data, shard.first_line)
        return {line.number: LineResult(line.number, line.custom_id, error=error) for line in lines}


def _jsonl(lines: list[dict[str, object]]) -> bytes:
    return b"".join(strict_json.line(line) + b"\n" for line in lines)
