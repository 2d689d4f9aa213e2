"""Batches in words. Pure: objects of the API in, lines of text out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from foreverus.cli.context import printable
from foreverus.cli.objects.account import KeyObject
from foreverus.cli.objects.batches import (
    BatchFigures,
    BatchObject,
    ProblemObject,
    Problems,
    RequestCounts,
    TokenUsageObject,
)

TERMINAL = frozenset({"completed", "failed", "expired", "cancelled"})
ERRORS_SHOWN = 20


@dataclass(frozen=True)
class BatchProgress:
    """What watching shows of a batch; None where it is not known yet."""

    status: str
    total: int
    completed: int
    failed: int
    backend: str | None
    tokens_per_second: float | None
    eta_seconds: float | None
    cost_usd: float | None

    @classmethod
    def of(cls, batch: BatchObject) -> "BatchProgress":
        counts: RequestCounts = batch.get("request_counts") or {}
        ours: BatchFigures = batch.get("foreverus") or {}
        return cls(
            status=str(batch.get("status")),
            total=int(counts.get("total") or 0),
            completed=int(counts.get("completed") or 0),
            failed=int(counts.get("failed") or 0),
            backend=ours.get("backend"),
            tokens_per_second=ours.get("tokens_per_second"),
            eta_seconds=ours.get("eta_seconds"),
            cost_usd=ours.get("cost_usd"),
        )

    @property
    def done(self) -> int:
        """Finished lines: answered or failed."""
        return self.completed + self.failed

    @property
    def details(self) -> str:
        """What stands behind the bar."""
        parts = [f"{self.failed} failed"] if self.failed else []
        parts += [printable(self.backend)] if self.backend else []
        if self.status not in TERMINAL:
            parts += [f"{self.tokens_per_second:.0f} tokens/s"] if self.tokens_per_second is not None else []
            parts += [f"ETA {duration(self.eta_seconds)}"] if self.eta_seconds is not None else []
        parts += [money(self.cost_usd)] if self.cost_usd is not None else []
        return " · ".join(parts)

    def line(self) -> str:
        counts = f"{self.done}/{self.total}" + (f" ({100 * self.done // self.total} %)" if self.total else "")
        return " · ".join(part for part in (printable(self.status), counts, self.details) if part)


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def money(usd: float) -> str:
    """US dollars; a cost below a cent keeps two digits that say something."""
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}" if usd >= 0.0001 else "<$0.0001"


def small_usd(usd: float) -> str:
    """US dollars of one answer, which costs a small part of a cent.

    >>> small_usd(0.0000284), small_usd(0.0312), small_usd(4), small_usd(0)
    ('$0.000028', '$0.0312', '$4.00', '$0')
    """
    return "$0" if usd == 0 else f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.01 else f"${usd:.6f}"


def moment(epoch: int | None) -> str:
    return "" if epoch is None else datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count: int) -> str:
    return (
        f"{count:,} bytes" if count < 10_000 else f"{count / 1000:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"
    )


def errors_of(batch: BatchObject) -> list[str]:
    """The batch's `errors`, a line each."""
    errors: Problems = batch.get("errors") or {}
    return problems(errors.get("data") or [], errors.get("total") or 0)


def problems(errors: Sequence[ProblemObject], total: int = 0) -> list[str]:
    """Errors of a batch's file, a line each; the first of them, and how many more there are of `total`."""
    shown = [problem(e.get("line"), e.get("param"), e.get("code"), e.get("message")) for e in errors[:ERRORS_SHOWN]]
    more = max(total, len(errors)) - len(shown)
    return [*shown, *([f"… and {more} more"] if more > 0 else [])]


def problem(line: int | None, param: str | None, code: str | None, message: str | None) -> str:
    """`line 3: body.model: … (unknown_model)`"""
    where = [f"line {line}"] if line is not None else []
    where += [printable(param)] if param else []
    words = printable(message or "") + (f" ({printable(code)})" if code else "")
    return ": ".join([*where, words])


def table(batches: list[BatchObject]) -> list[str]:
    """One line a batch, under headings."""
    rows = [("ID", "STATUS", "DONE", "FAILED", "BACKEND", "COST", "CREATED")]
    for batch in batches:
        at = BatchProgress.of(batch)
        cost = "" if at.cost_usd is None else money(at.cost_usd)
        done, created = f"{at.done}/{at.total}", moment(batch.get("created_at"))
        cells = (str(batch.get("id")), at.status, done, str(at.failed), at.backend or "", cost, created)
        rows.append(cells)
    return aligned(rows)


def key_table(keys: list[KeyObject]) -> list[str]:
    """One line a key, under headings."""
    rows = [("ID", "NAME", "ENDS IN", "CREATED", "LAST USED", "EXPIRES", "MAKES KEYS")]
    for key in keys:
        times = (str(key.get(name) or "")[:16].replace("T", " ") for name in ("created_at", "last_used_at"))
        created, used = times
        expires = str(key.get("expires_at") or "never")[:16].replace("T", " ")
        makes = "yes" if key.get("can_create_keys") else "no"
        cells = (str(key.get("id")), str(key.get("name")), f"…{key.get('last_four')}", created, used or "never")
        rows.append((*cells, expires, makes))
    return aligned(rows)


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns, two spaces apart."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ((printable(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return ["  ".join(row).rstrip() for row in padded]


def card(batch: BatchObject) -> list[str]:
    """Everything about one batch that people ask for."""
    at, times = BatchProgress.of(batch), cast(Mapping[str, int | None], batch)
    ours: BatchFigures = batch.get("foreverus") or {}
    usage: TokenUsageObject = batch.get("usage") or {}
    tokens = (
        usage.get("input_tokens", ours.get("prompt_tokens")),
        usage.get("output_tokens", ours.get("completion_tokens")),
    )
    fields: list[tuple[str, Any]] = [
        ("id", batch.get("id")),
        ("status", at.status),
        ("lines", f"{at.total}: {at.completed} answered, {at.failed} failed"),
        ("endpoint", batch.get("endpoint")),
        ("model", batch.get("model")),
        ("backend", at.backend),
        ("choice", ours.get("choice_text")),
        ("rate", None if at.tokens_per_second is None else f"{at.tokens_per_second:.0f} tokens/s"),
        ("eta", None if at.eta_seconds is None or at.status in TERMINAL else duration(at.eta_seconds)),
        ("tokens", None if tokens[0] is None else f"{tokens[0]} in, {tokens[1] or 0} out"),
        ("cost", None if at.cost_usd is None else money(at.cost_usd)),
        ("gpu sessions", _joined(ours.get("sessions"))),
        ("window", batch.get("completion_window")),
        *((name.removesuffix("_at"), moment(times.get(name))) for name in TIMES if times.get(name) is not None),
        ("input file", batch.get("input_file_id")),
        ("output file", batch.get("output_file_id")),
        ("error file", batch.get("error_file_id")),
        *((f"metadata {key}", value) for key, value in (batch.get("metadata") or {}).items()),
        *(("error", error) for error in errors_of(batch)),
    ]
    shown = [(printable(name), printable(str(value))) for name, value in fields if value not in (None, "")]
    width = max(len(name) for name, _ in shown)
    return [f"{name.ljust(width)}  {value}" for name, value in shown]


TIMES = (
    "created_at", "in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at",
    "cancelled_at", "expires_at",
)  # fmt: skip


def _joined(sessions: Any) -> str | None:
    return ", ".join(map(str, sessions)) if isinstance(sessions, list) else None if sessions is None else str(sessions)
