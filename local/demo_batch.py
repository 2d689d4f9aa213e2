"""The second part of `make demo`: an exam as a batch, through the same API that OpenAI's clients use."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from local.exam import exam, mark
from local.processes import Failed

MOST_SECONDS = 400  # without a line more: a machine with other work takes its time, and gets on
LOOK_S = 1.0
OVER = ("completed", "failed", "expired", "cancelled")


def run_exam(api: httpx.Client, tell: Callable[[str], None], most: int | None = None) -> dict[str, Any]:
    """Uploads the questions, waits for the batch, marks the answers; returns the report. Raises Failed."""
    begun = time.monotonic()
    paper = exam(_ask(api, "GET", "/models")["data"][0]["id"], most)
    upload = {"file": ("enem2024.jsonl", paper.lines, "application/jsonl")}
    file = _ask(api, "POST", "/files", data={"purpose": "batch"}, files=upload)
    request = {
        "input_file_id": file["id"],
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"backend": "gpu", "name": "ENEM 2024"},
    }
    batch = _watch(api, _ask(api, "POST", "/batches", json=request), tell)
    seconds = time.monotonic() - begun
    counts = batch["request_counts"]
    if batch["status"] != "completed" or counts["completed"] + counts["failed"] != counts["total"]:
        raise Failed(f"The batch is {batch['status']}: {json.dumps(batch.get('errors') or counts)}")
    output = api.get(f"/files/{batch['output_file_id']}/content", follow_redirects=True)
    if output.is_error:
        raise Failed(f"The batch's output was answered {output.status_code}: {output.text}")
    marks = mark(output.content, paper.key)
    ours = batch["foreverus"]
    tokens = ours["prompt_tokens"] + ours["completion_tokens"]
    report = {
        "id": batch["id"],
        "status": batch["status"],
        "backend": ours["backend"],
        "lines": counts["total"],
        "completed": counts["completed"],
        "failed": counts["failed"],
        "questions_with_a_key": marks.questions,
        "answered_with_a_letter": marks.answered,
        "right": marks.right,
        "accuracy": round(marks.accuracy, 3),
        "tokens": tokens,
        "tokens_per_second": round(tokens / seconds, 1),
        "seconds": round(seconds, 1),
        "cost_usd": ours["cost_usd"],
    }
    tell("batch report (a model of 135 million parameters; guessing gives 0.2)")
    for name, value in report.items():
        tell(f"  {name:24} {value}")
    return report


def _watch(api: httpx.Client, batch: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    since, shown = time.monotonic(), ""
    while True:
        counts = batch["request_counts"]
        news = f"batch {batch['status']}: {counts['completed'] + counts['failed']} of {counts['total']} lines"
        if news != shown:
            tell(news)
            since, shown = time.monotonic(), news
        if batch["status"] in OVER:
            return batch
        if time.monotonic() > since + MOST_SECONDS:
            raise Failed(
                f"Nothing has become of the {news} for {MOST_SECONDS} s. Other programs may have this machine's "
                "processors: try `make demo` again when they are done. The logs are in .local/demo/logs."
            )
        time.sleep(LOOK_S)
        batch = _ask(api, "GET", f"/batches/{batch['id']}")


def _ask(api: httpx.Client, method: str, path: str, **request: Any) -> dict[str, Any]:
    answer = api.request(method, path, **request)
    if answer.is_error:
        raise Failed(f"{method} {path} was answered {answer.status_code}: {answer.text}")
    return dict(answer.json())
