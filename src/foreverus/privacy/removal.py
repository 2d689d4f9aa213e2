"""A person is removed by whoever owns the AWS account, with their own AWS credentials.

It is the same deletion as a person's own (`service.py`), or the end of their access alone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from foreverus.access.owner import open_sockets, outputs_of, parameters_of, user_id_of
from foreverus.access.records import Caller
from foreverus.access.store import ApiKeyStore
from foreverus.api.responses import Body
from foreverus.aws.account import Account, told
from foreverus.aws.cognito_users import CognitoUsers
from foreverus.aws.dynamo import Table
from foreverus.aws.lambda_functions import LambdaFunction
from foreverus.errors import NotFound
from foreverus.privacy.kept import kept
from foreverus.privacy.service import AccountService

USER_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as Cognito makes them
ERASER = "ErasePeopleFunction"


@dataclass(frozen=True)
class StacksEraser:
    """The stack's function that works deletions off. Where it may not be called, its schedule does within minutes."""

    account: Account
    stack: str

    def call(self) -> None:
        """Raises CannotLook."""
        found = self.account.call(
            "cloudformation", "describe_stack_resource", StackName=self.stack, LogicalResourceId=ERASER
        )
        with told("lambda:InvokeFunction"):
            LambdaFunction(self.account.client("lambda"), found["StackResourceDetail"]["PhysicalResourceId"]).call()


class Ended(NamedTuple):
    """How much was taken away."""

    keys: int
    sockets: int


@dataclass(frozen=True)
class Removal:
    """Of one person. Each method raises CannotLook, and doing it twice is doing it once."""

    user_id: str
    service: AccountService

    def end_access(self) -> Ended:
        """Their data stays; `aws cognito-idp admin-enable-user` lets them in again. The pool is first:
        whoever can still sign in makes new keys and sockets."""
        with told("cognito-idp:AdminDisableUser"):
            self.service.members.disable(self.user_id)
        with told("dynamodb:TransactWriteItems"):
            revoked = self.service.api_keys.forget_person(self.user_id)
        return Ended(revoked, self.service.sockets.close(self.user_id))

    def everything(self) -> Body:
        """Access first; what is theirs is owed from here on, and worked off by the stack. The receipt, as the API shows
        it."""
        with told("dynamodb:TransactWriteItems"):
            return self.service.delete(Caller(user_id=self.user_id), {})


def removal_of(account: Account, stack: str, person: str, clock: Callable[[], datetime]) -> Removal:
    """`person`: an e-mail address, or a user id, also of somebody who is not in the user pool any more. Raises NotFound
    for a stack or a person that is not there, and CannotLook."""
    outputs, parameters = outputs_of(account, stack), parameters_of(account, stack)
    try:
        pool, keys_table, table = outputs["UserPoolId"], outputs["KeysTableName"], outputs["TableName"]
        socket_url = outputs["WebSocketUrl"]
    except KeyError as err:
        message = f"The stack {stack} has no {err.args[0]}: deploy it again with this version, then try again."
        raise NotFound(message) from err
    dynamodb = account.client("dynamodb")
    items = Table(dynamodb, table)
    service = AccountService(
        items=items,
        api_keys=ApiKeyStore(Table(dynamodb, keys_table)),
        members=CognitoUsers(account.client("cognito-idp"), pool),
        sockets=open_sockets(account, socket_url, items, clock),
        eraser=StacksEraser(account, stack),
        kept=kept(int(parameters.get("LogRetentionDays", "30")), parameters.get("Database", "aurora") != "none"),
        clock=clock,
    )
    return Removal(_user_id(account, pool, person), service)


def _user_id(account: Account, pool: str, person: str) -> str:
    try:
        return user_id_of(account, pool, person)
    except NotFound:
        if USER_ID.fullmatch(person):
            return person
        raise
