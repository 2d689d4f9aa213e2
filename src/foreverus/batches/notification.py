"""What SNS says about a batch that is over: never prompts, answers or custom_ids. Pure."""

from collections import Counter

from foreverus import ids
from foreverus.batches.records import Batch, BatchStatus, BatchTrigger
from foreverus.notifications.notification import Notification

SHOWN_ERRORS = 5


def is_told(batch: Batch) -> bool:
    """Whether people are mailed that it is over: not of one that cost nothing, or whoever sends rubbish would fill the
    mailbox. Whoever asked for it sees how it ended; of the schedule's batches nobody does."""
    if batch.trigger is BatchTrigger.SCHEDULE:
        return True
    answered, cost = batch.result.completed, batch.result.cost_usd  # None: not known
    return batch.total is not None and (answered > 0 or cost != 0)


def notification(batch: Batch) -> Notification:
    """Of a batch in a terminal status."""
    result, total, cost = batch.result, batch.total or 0, _cost(batch)
    counts = f"{result.completed} of {total} answered"
    subject = f"Forever Us: batch {batch.status}, {counts if total else 'nothing was run'}, {cost}"
    scheduled = batch.trigger is BatchTrigger.SCHEDULE
    lines = [
        f"Batch:     {batch.batch_id}",
        f"Status:    {batch.status}",
        *_errors(batch),
        f"Lines:     {counts}, {result.failed} in the error file",
        f"Tokens:    {result.usage.prompt_tokens} in, {result.usage.completion_tokens} out",
        f"Minutes:   {_minutes(batch)}",
        f"Backend:   {_backends(batch)}",
        f"Cost:      {cost}",
        f"Output:    {result.output_file_id or '-'}",
        f"Errors:    {result.error_file_id or '-'}",
        *([f"Started:   by the schedule, {batch.created_at}"] if scheduled else []),
    ]
    return Notification(subject, "\n".join(lines))


def _cost(batch: Batch) -> str:
    cost = batch.result.cost_usd
    return "cost unknown" if cost is None else f"US$ {cost:.4f}"


def _minutes(batch: Batch) -> float:
    took = ids.parse_timestamp(batch.ended_at) - ids.parse_timestamp(batch.created_at)
    return round(took.total_seconds() / 60, 2)


def _backends(batch: Batch) -> str:
    on = {"GPU": batch.result.on_gpu, "Bedrock": batch.result.on_bedrock}
    return " and ".join(name for name, lines in on.items() if lines) or "none"


def _errors(batch: Batch) -> list[str]:
    """Why it did not complete. The file's own errors are shown by code: their words may hold what people wrote."""
    if batch.status is BatchStatus.COMPLETED or not batch.errors:
        return []
    if batch.total is not None:
        return [f"Reason:    {one.code}: {one.message}" for one in batch.errors[-SHOWN_ERRORS:]]
    counted = Counter(one.code for one in batch.errors).most_common(SHOWN_ERRORS)
    lines = [one.line for one in batch.errors if one.line]
    where = f", first in line {min(lines)}" if lines else ""
    return [f"Reason:    {', '.join(f'{code} ({count})' for code, count in counted)}{where}"]
