"""What people see while something goes on: a bar on a terminal, plain lines in a log, JSON for a program."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from foreverus.cli.context import Context
from foreverus.cli.objects.batches import BatchObject
from foreverus.cli.text import TERMINAL, BatchProgress
from foreverus.strict_json import one_line

BETWEEN_LINES_S = 5.0  # a log is read afterwards: more lines would hide what matters


class Display(Protocol):
    def show(self, batch: BatchObject) -> None: ...

    def say(self, line: str) -> None:
        """Something beside the progress: the network is away, watching was stopped."""

    def close(self) -> None: ...


class Lines:
    """One line at each change of what counts; changes of numbers alone at most every five seconds."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shown: BatchProgress | None = None
        self._shown_at = 0.0

    def show(self, batch: BatchObject) -> None:
        now, seen = self._context.clock(), BatchProgress.of(batch)
        if self._shown is None or seen.status != self._shown.status:
            due = True
        else:
            due = _counts(seen) != _counts(self._shown) and now - self._shown_at >= BETWEEN_LINES_S
        if due:
            self._context.say(seen.line())
            self._shown, self._shown_at = seen, now

    def say(self, line: str) -> None:
        self._context.say(line)

    def close(self) -> None:
        pass


def _counts(progress: BatchProgress) -> tuple[object, ...]:
    """Rate and ETA move all the time: they alone are no news."""
    return progress.total, progress.completed, progress.failed, progress.backend


class JsonLines:
    """The batch as one line of JSON at each change, on the standard output."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shown: BatchObject | None = None

    def show(self, batch: BatchObject) -> None:
        if batch != self._shown:
            self._context.result(one_line(json.dumps(batch, ensure_ascii=False)))
            self._shown = batch

    def say(self, line: str) -> None:
        self._context.say(line)

    def close(self) -> None:
        pass


class Bar:
    """A bar on the terminal."""

    def __init__(self, context: Context) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[lines]}", markup=False),
            TextColumn("{task.fields[details]}", markup=False),
            console=Console(file=context.err, highlight=False),
            refresh_per_second=4,
        )
        self._task = self._rich.add_task("", total=None, status="…", lines="", details="")
        self._rich.start()

    def show(self, batch: BatchObject) -> None:
        at = BatchProgress.of(batch)
        ended = at.status in TERMINAL
        self._rich.update(
            self._task,
            total=at.total or (1 if ended else None),  # None: the bar pulses until the lines are counted
            completed=at.done,
            status=at.status,
            lines=f"{at.done}/{at.total}" if at.total else "",
            details=at.details,
        )
        if ended:
            self._rich.stop_task(self._task)

    def say(self, line: str) -> None:
        self._rich.console.print(line, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._rich.stop()


def display(context: Context, as_json: bool) -> Display:
    return JsonLines(context) if as_json else Bar(context) if context.interactive else Lines(context)


@contextmanager
def counted(context: Context, what: str, total: int) -> Iterator[Callable[[Iterable[bytes]], Iterator[bytes]]]:
    """Gives a function that passes chunks through and counts their bytes: a bar on a terminal, else nothing.

    Used again for another try, it starts anew.
    """
    if not context.interactive:
        yield iter
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(bar_width=30), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    name = TextColumn("{task.description}", markup=False)
    with RichProgress(name, *columns, console=Console(file=context.err), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def count(chunks: Iterable[bytes]) -> Iterator[bytes]:
            bar.reset(task, total=total)
            for chunk in chunks:
                yield chunk
                bar.advance(task, len(chunk))

        yield count
