"""`foreverus doctor`: what it found, for people or as JSON. It needs no API, but boto3 and AWS credentials."""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, FAILED, UsageError

if TYPE_CHECKING:
    from foreverus.doctor.records import WebAnswer

TIMEOUT_S = 10.0
MARKS = {"ok": "✓", "note": "·", "act": "✗"}


def fetched(method: str, url: str, headers: Mapping[str, str]) -> "WebAnswer":
    """What a registry answers. Raises CannotLook."""
    import httpx

    from foreverus.aws.account import CannotLook
    from foreverus.cli import proxies
    from foreverus.doctor.records import WebAnswer

    try:
        with proxies.client(url, timeout=TIMEOUT_S, follow_redirects=True) as http:
            answer = http.request(method, url, headers=dict(headers))
    except (httpx.HTTPError, UsageError) as err:
        raise CannotLook(urlsplit(url).hostname or url, type(err).__name__, str(err)) from err
    return WebAnswer(
        answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content
    )


def doctor(arguments: argparse.Namespace, context: Context) -> int:
    """The exit status: 0 when nothing has to be done, else 1. Raises UsageError where boto3 is missing."""
    from foreverus.aws.account import CannotLook, own_account
    from foreverus.doctor.examination import examine
    from foreverus.doctor.records import Patient, Verdict

    try:
        account = own_account(arguments.region)
    except CannotLook as err:
        raise UsageError(str(err)) from err
    found = []
    patient = Patient(account, datetime.now(UTC), arguments.stack, fetch=fetched, spend=arguments.spend)
    for finding in examine(patient):
        found.append(finding)
        if not arguments.json:
            context.result(printable(f"{MARKS[finding.verdict]} {finding.name}: {finding.says}"))
            if finding.command:
                context.result(f"    {printable(finding.command)}")
    ill = any(one.verdict is Verdict.ACT for one in found)
    if arguments.json:
        rows = [
            {"name": one.name, "verdict": one.verdict.value, "says": one.says, "command": one.command} for one in found
        ]
        context.result(json.dumps({"ok": not ill, "findings": rows}, ensure_ascii=False))
    return FAILED if ill else COMPLETED
