"""`foreverus quote`: what something would cost and how long it would take, before anything is spent."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from foreverus.cli.api import Api, value_of
from foreverus.cli.argument_types import FILE_ID
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, UsageError
from foreverus.cli.objects.money import AssumptionObject, BackendQuoteObject, QuoteObject, QuoteRequest, RangeObject
from foreverus.cli.text import aligned, duration, money, small_usd


def quote(arguments: argparse.Namespace, api: Api, context: Context) -> int:
    """A file of this machine is uploaded for it and deleted again: the API reckons as its batch would."""
    with _request(arguments, api, context) as body:
        found = cast(QuoteObject, api.call("POST", "/quotes", json=body))
    for line in [json.dumps(found, ensure_ascii=False)] if arguments.json else in_words(found, arguments.why):
        context.result(line)
    return COMPLETED


@contextmanager
def _request(arguments: argparse.Namespace, api: Api, context: Context) -> Iterator[QuoteRequest]:
    if sum((bool(arguments.file), arguments.session is not None, arguments.chat is not None)) != 1:
        raise UsageError("Name one thing: FILE, --session MINUTES or --chat TEXT.")
    body: QuoteRequest = {}
    if arguments.answer_tokens:
        body["answer_tokens"] = arguments.answer_tokens
    if arguments.on_demand:
        body["allow_on_demand"] = True
    if arguments.session is not None:
        body.update({"kind": "session", "minutes": arguments.session})
        yield body
    elif arguments.chat is not None:
        body.update({"kind": "chat", "prompt": arguments.chat, "messages": arguments.messages})
        if arguments.images:
            body["images"] = arguments.images
        yield body
    else:
        body.update({"kind": "batch", "endpoint": arguments.endpoint, "completion_window": arguments.window})
        with _file(arguments, api, context) as file_id:
            yield {**body, "file_id": file_id}


@contextmanager
def _file(arguments: argparse.Namespace, api: Api, context: Context) -> Iterator[str]:
    """The id of a file that the API has, for as long as it is asked about."""
    from foreverus.cli.checking import check
    from foreverus.cli.streams import readable
    from foreverus.cli.transfer import upload
    from foreverus.files.records import MAX_FILE_BYTES

    if arguments.file.startswith("s3://") or FILE_ID.fullmatch(arguments.file):
        yield arguments.file
        return
    with readable(arguments.file, context, MAX_FILE_BYTES) as path:
        check(path, arguments.endpoint, api.model(), {})
        file_id = str(value_of(upload(api, path, context), "id"))
    try:
        yield file_id
    finally:
        try:
            api.delete_file(file_id)
        except CommandFailed as err:
            context.say(f"The file {printable(file_id)} was uploaded for it and is still there: {err}")


def in_words(found: QuoteObject, why: bool) -> list[str]:
    """A line a backend, what `auto` would do, and with `why` every figure and where it comes from."""
    work = " · ".join(
        f"{name.replace('_', ' ')} {_spelled(one, _whole)}" for name, one in (found.get("work") or {}).items()
    )
    rows = [("BACKEND", "COST", "FIRST WORD", "DONE", "")]
    rows += [_row(one) for one in found.get("backends") or []]
    auto, left = found.get("auto") or {}, found.get("month") or {}
    lines = [printable(work)] if work else []
    lines += aligned(rows)
    lines.append(printable(f"auto: {auto.get('backend') or 'neither'} – {auto.get('text', '')}"))
    lines.append(f"left of the month: {money(float(left.get('left_usd', 0)))}")
    return lines + ([printable(_assumed(one)) for one in found.get("assumptions") or []] if why else [])


def _row(one: BackendQuoteObject) -> tuple[str, str, str, str, str]:
    cost = _spelled(one.get("usd"), small_usd)
    first, done = _spelled(one.get("first_word_seconds"), duration), _spelled(one.get("seconds"), duration)
    return str(one.get("backend")), cost, first, done, str(one.get("why_not") or "")


def _spelled(of: RangeObject | None, spell: Callable[[float], str]) -> str:
    """
    >>> _spelled({"low": 0.01, "expected": 0.02, "high": 0.05}, money), _spelled(None, money)
    ('$0.0200 ($0.0100 to $0.0500)', '–')
    """
    if not of or of.get("expected") is None:
        return "–"
    low, expected, high = (spell(value or 0.0) for value in (of.get("low"), of.get("expected"), of.get("high")))
    return expected if low == high else f"{expected} ({low} to {high})"


def _whole(number: float) -> str:
    return f"{round(number):,}"


def _assumed(one: AssumptionObject) -> str:
    name, unit = str(one.get("name", "")).replace("_", " "), one.get("unit", "")
    values = [one.get("low"), one.get("expected"), one.get("high")]
    numbers = " / ".join("?" if value is None else f"{value:g}" for value in dict.fromkeys(values))
    return f"  {name}: {numbers} {unit} ({one.get('source', '')})"
