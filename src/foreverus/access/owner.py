"""Anybody's keys, for whoever owns the AWS account: by their own AWS credentials and the same service as the API's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus.access.records import MOST_KEYS, Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.access.views import public_key
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.aws.account import Account, CannotLook, told
from foreverus.aws.dynamo import Table
from foreverus.aws.push import OpenSockets, WebSocketPush
from foreverus.errors import NotFound


@dataclass(frozen=True)
class OwnersKeys:
    """The keys of one person. Each method raises RequestRejected as the API answers, and CannotLook."""

    service: KeyService
    user_id: str

    def create(self, request: Mapping[str, object]) -> Body:
        with told("dynamodb:TransactWriteItems"):
            return self.service.create(Caller(user_id=self.user_id), schemas.check("key_create", dict(request)))

    def listed(self) -> Sequence[Body]:
        with told("dynamodb:Query"):
            return [public_key(key) for key in self.service.store.newest(self.user_id, MOST_KEYS)]

    def revoke(self, key_id: str) -> Body:
        with told("dynamodb:TransactWriteItems"):
            return self.service.revoke(self.user_id, key_id)


def keys_of(account: Account, stack: str, person: str, clock: Callable[[], datetime]) -> OwnersKeys:
    """`person`: an e-mail address or a user id of the stack's user pool. Raises CannotLook, and NotFound for a stack
    or a person that is not there."""
    outputs = outputs_of(account, stack)
    try:
        pool, table = outputs["UserPoolId"], outputs["KeysTableName"]
        main, socket_url = outputs["TableName"], outputs["WebSocketUrl"]
    except KeyError as err:
        message = f"The stack {stack} has no {err.args[0]}: deploy it again with this version, then try again."
        raise NotFound(message) from err
    dynamodb = account.client("dynamodb")
    sockets = open_sockets(account, socket_url, Table(dynamodb, main), clock)
    return OwnersKeys(
        KeyService(ApiKeyStore(Table(dynamodb, table)), sockets, clock), user_id_of(account, pool, person)
    )


def open_sockets(account: Account, url: str, items: Table, clock: Callable[[], datetime]) -> OpenSockets:
    """Frames go in at the address at which sockets are opened: https for wss."""
    posts = account.client("apigatewaymanagementapi", endpoint_url=url.replace("ws", "http", 1))
    return OpenSockets(WebSocketPush(posts, items, clock))


def outputs_of(account: Account, stack: str) -> Mapping[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in _stack(account, stack).get("Outputs", [])}


def parameters_of(account: Account, stack: str) -> Mapping[str, str]:
    """What it was deployed with."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in _stack(account, stack).get("Parameters", [])}


def _stack(account: Account, stack: str) -> Mapping[str, Any]:
    try:
        (found,) = account.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    except CannotLook as err:
        if err.code != "ValidationError":  # CloudFormation's word for a stack that is not there
            raise
        where = account.region or "the default Region"
        message = f"There is no stack {stack} in {where}: name them with --stack and --region."
        raise NotFound(message) from err
    return dict(found)


def user_id_of(account: Account, pool: str, person: str) -> str:
    """Raises NotFound, and CannotLook."""
    try:
        found = account.call("cognito-idp", "admin_get_user", UserPoolId=pool, Username=person)
    except CannotLook as err:
        if err.code != "UserNotFoundException":
            raise
        raise NotFound(f"Nobody has {person} in the user pool {pool}: invite them first (README).") from err
    return next(str(one["Value"]) for one in found["UserAttributes"] if one["Name"] == "sub")
