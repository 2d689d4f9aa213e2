"""`foreverus user remove`: by the AWS credentials of whoever owns the account. It needs no API, but boto3."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from foreverus.cli.context import Context, printable
from foreverus.cli.failures import COMPLETED, CommandFailed, Refused, UsageError
from foreverus.errors import RequestRejected

if TYPE_CHECKING:
    from foreverus.privacy.removal import Removal


def remove(arguments: argparse.Namespace, context: Context) -> int:
    """Asks for the person's name again, unless --yes. The standard output is the receipt's id; with --keep-data the
    user's. Raises UsageError where boto3 or the AWS profile is missing."""
    from foreverus.aws.account import CannotLook, own_account
    from foreverus.privacy.removal import removal_of

    try:
        account = own_account(arguments.region)
    except CannotLook as err:
        raise UsageError(str(err)) from err
    with _told():
        removal = removal_of(account, arguments.stack, arguments.who, lambda: datetime.now(UTC))
    _ask(arguments, context)
    with _told():
        return _end_access(arguments, removal, context) if arguments.keep_data else _all(arguments, removal, context)


def _ask(arguments: argparse.Namespace, context: Context) -> None:
    if arguments.yes:
        return
    goes = "keys and sign-in are ended" if arguments.keep_data else "everything of theirs is deleted, for good"
    context.say(f"{printable(arguments.who)}: {goes}. To go on, type who it is once more:")
    if context.input.readline().decode("utf-8", "replace").strip() != arguments.who:
        raise UsageError("Nothing was done: that is not who was named. Where nobody can be asked: --yes.")


def _end_access(arguments: argparse.Namespace, removal: "Removal", context: Context) -> int:
    ended = removal.end_access()
    done = {"user_id": removal.user_id, "keys": ended.keys, "sockets": ended.sockets}
    context.result(json.dumps(done) if arguments.json else removal.user_id)
    context.say(f"{ended.keys} keys revoked, {ended.sockets} WebSockets closed; nothing lets them in after a minute.")
    context.say("Their data is kept. To let them in again: aws cognito-idp admin-enable-user.")
    return COMPLETED


def _all(arguments: argparse.Namespace, removal: "Removal", context: Context) -> int:
    done = removal.everything()
    context.result(json.dumps(done, ensure_ascii=False) if arguments.json else str(done["id"]))
    context.say("Nothing lets them in after a minute; what is theirs goes within minutes. To see how far it is:")
    context.say(f"foreverus erasure show {done['id']}")
    return COMPLETED


@contextmanager
def _told() -> Iterator[None]:
    from foreverus.aws.account import CannotLook

    try:
        yield
    except RequestRejected as err:
        raise Refused(err.status, err.message, err.param, err.reason) from err
    except CannotLook as err:
        raise CommandFailed(f"AWS: {err}") from err
