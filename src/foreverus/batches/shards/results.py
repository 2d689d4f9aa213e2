"""Finished lines: how they are written down, and what a shard's lines add up to. Pure."""

from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.backends.port import Completion
from foreverus.batches.input.lines import Line
from foreverus.batches.store import Progress

Item = dict[str, Any]

BEDROCK = "bedrock"  # in `by`, where else a session's id is

_TOKENS = ("prompt_tokens", "completion_tokens")


def answered(line: Line, answer: Completion, by: str, now: datetime) -> Item:
    tokens = {name: getattr(answer, name) for name in _TOKENS}
    return {**_finished(line, by, now), "text": answer.text, "finish_reason": answer.finish_reason, **tokens}


def failed(line: Line, code: str, message: str, by: str, now: datetime) -> Item:
    return {**_finished(line, by, now), "error": {"code": code, "message": message}}


def engine_failed(line: Line, by: str, now: datetime) -> Item:
    return failed(line, "engine_failed", "The model's engine failed each time it was asked this.", by, now)


def _finished(line: Line, by: str, now: datetime) -> Item:
    return {"line": line.number, "custom_id": line.custom_id, "by": by, "at": ids.timestamp(now)}


class LineTotals:
    """Sums over finished lines."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self._sums: dict[str, int] = {}

    def add(self, number: int, line: Item) -> None:
        """A line counts once."""
        if number in self.lines:
            return
        self.lines.add(number)
        self._add("failed" if line.get("error") else "completed", 1)
        for name in _TOKENS:
            self._add(name, line.get(name) or 0)
            if line.get("by") == BEDROCK:
                self._add(f"bedrock_{name}", line.get(name) or 0)

    def _add(self, name: str, value: int) -> None:
        self._sums[name] = self._sums.get(name, 0) + int(value)

    def progress(self, session_id: str, slot_seconds: float) -> Progress:
        names = ("completed", "failed", *_TOKENS, *(f"bedrock_{name}" for name in _TOKENS))
        return Progress(
            **{name: self._sums.get(name, 0) for name in names}, session_id=session_id, slot_seconds=slot_seconds
        )
