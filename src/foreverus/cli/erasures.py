"""`foreverus erasure show|list`: by the AWS credentials of whoever owns the account. It needs no API, but boto3."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, UsageError
from foreverus.errors import NotFound

if TYPE_CHECKING:
    from foreverus.privacy.receipts import Erasure

LISTED = 50


def erasures(arguments: argparse.Namespace, context: Context) -> int:
    """The exit status. Raises UsageError where boto3 or the AWS profile is missing."""
    from foreverus.aws.account import CannotLook, own_account
    from foreverus.privacy.owner import receipts_of

    try:
        account = own_account(arguments.region)
    except CannotLook as err:
        raise UsageError(str(err)) from err
    try:
        wanted = arguments.id if arguments.command == "show" else ""
        found = receipts_of(account, arguments.stack, wanted, LISTED)
    except NotFound as err:
        raise CommandFailed(err.message) from err
    except CannotLook as err:
        raise CommandFailed(f"AWS: {err}") from err
    if arguments.json:
        context.result(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return COMPLETED
    for one in found:
        for line in _shown(one):
            context.result(printable(line))
    if not found:
        context.say("Nobody has left.")
    return COMPLETED


def _shown(one: "Erasure") -> list[str]:
    lines = [
        one.receipt_id,
        f"  asked for          {one.requested_at}",
        f"  everything gone    {one.erased_at or 'not yet'}",
        f"  looked for again   {one.settled_at or 'not yet'}",
        f"  SHA-256 of the id  {one.person}",
    ]
    return lines + [f"  {name:<34}{number:>6}" for name, number in one.counts.items()]
