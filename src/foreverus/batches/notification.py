"""What SNS says about a batch that is over: never prompts, answers or custom_ids. Pure."""

from collections import Counter
from typing import Any

from foreverus import ids
from foreverus.batches.model import COMPLETED
from foreverus.notifications.notification import Notification

Item = dict[str, Any]

SHOWN_ERRORS = 5


def notification(record: Item) -> Notification:
    """Of a batch in a terminal status."""
    total, completed = int(record.get("total", 0)), int(record.get("completed", 0))
    status, cost = record["status"], _cost(record)
    counts = f"{completed} of {total} answered"
    subject = f"Forever Us: batch {status}, {counts if total else 'nothing was run'}, {cost}"
    used = record.get("usage") or {}
    lines = [
        f"Batch:     {record['batch_id']}",
        f"Status:    {status}",
        *_errors(record),
        f"Lines:     {counts}, {int(record.get('failed', 0))} in the error file",
        f"Tokens:    {used.get('prompt_tokens', 0)} in, {used.get('completion_tokens', 0)} out",
        f"Minutes:   {_minutes(record)}",
        f"Backend:   {_backends(record)}",
        f"Cost:      {cost}",
        f"Output:    {record.get('output_file_id') or '-'}",
        f"Errors:    {record.get('error_file_id') or '-'}",
        *([f"Started:   by the schedule, {record['created_at']}"] if record.get("trigger") == "schedule" else []),
    ]
    return Notification(subject, "\n".join(lines))


def _cost(record: Item) -> str:
    cost = record.get("cost_usd")
    return "cost unknown" if cost is None else f"US$ {cost:.4f}"


def _minutes(record: Item) -> float:
    took = ids.parse_timestamp(record["ended_at"]) - ids.parse_timestamp(record["created_at"])
    return round(took.total_seconds() / 60, 2)


def _backends(record: Item) -> str:
    names = [name for name, lines in (("GPU", "on_gpu"), ("Bedrock", "on_bedrock")) if record.get(lines)]
    return " and ".join(names) or "none"


def _errors(record: Item) -> list[str]:
    """Why it did not complete. The file's own errors are shown by code: their words may hold what people wrote."""
    errors = record.get("errors") or []
    if record["status"] == COMPLETED or not errors:
        return []
    if "total" in record:
        return [f"Reason:    {one['code']}: {one['message']}" for one in errors[-SHOWN_ERRORS:]]
    counted = Counter(one["code"] for one in errors).most_common(SHOWN_ERRORS)
    lines = [one["line"] for one in errors if one.get("line")]
    where = f", first in line {min(lines)}" if lines else ""
    return [f"Reason:    {', '.join(f'{code} ({count})' for code, count in counted)}{where}"]
