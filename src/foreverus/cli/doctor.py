"""`foreverus doctor`: what it found, for people or as JSON. It needs no API, but boto3 and AWS credentials."""

import argparse
import json
from datetime import UTC, datetime

from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, FAILED, UsageError

MARKS = {"ok": "✓", "note": "·", "act": "✗"}


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
    for finding in examine(Patient(account, datetime.now(UTC), arguments.stack, arguments.spend)):
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
