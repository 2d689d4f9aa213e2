"""`foreverus key … --user`: by the AWS credentials of whoever owns the account. It needs no API, but boto3."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from foreverus.cli.context import Context
from foreverus.cli.failures import CommandFailed, Refused, UsageError
from foreverus.cli.keys import KEY_COMMANDS
from foreverus.cli.objects.account import KeyObject, KeyRequest, KeyRevocation
from foreverus.errors import RequestRejected

if TYPE_CHECKING:
    from foreverus.access.owner import OwnersKeys


class StacksKeys:
    """The keys of one person, in the table itself; errors as the command line has them."""

    def __init__(self, owned: "OwnersKeys"):
        self.owned = owned

    def create_key(self, body: KeyRequest) -> KeyObject:
        with _told():
            return cast(KeyObject, self.owned.create(body))

    def keys(self) -> list[KeyObject]:
        with _told():
            return cast(list[KeyObject], self.owned.listed())

    def revoke_key(self, key_id: str) -> KeyRevocation:
        with _told():
            return cast(KeyRevocation, self.owned.revoke(key_id))


def with_owners_keys(arguments: argparse.Namespace, context: Context) -> int:
    """The exit status. Raises UsageError where boto3 or the AWS profile is missing."""
    from foreverus.access.owner import keys_of
    from foreverus.aws.account import CannotLook, own_account

    if arguments.url or arguments.api_key_file:
        raise UsageError("--user goes by AWS credentials: leave out --url and --api-key-file.")
    try:
        account = own_account(arguments.region)
    except CannotLook as err:
        raise UsageError(str(err)) from err
    with _told():
        owned = keys_of(account, arguments.stack, arguments.user, lambda: datetime.now(UTC))
    return KEY_COMMANDS[arguments.command](arguments, StacksKeys(owned), context)


@contextmanager
def _told() -> Iterator[None]:
    from foreverus.aws.account import CannotLook

    try:
        yield
    except RequestRejected as err:
        raise Refused(err.status, err.message, err.param, err.reason) from err
    except CannotLook as err:
        raise CommandFailed(f"AWS: {err}") from err
