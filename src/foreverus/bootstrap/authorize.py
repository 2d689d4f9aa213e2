"""Who may ask."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.access.authorizer import Authorizer
    from foreverus.access.store import ApiKeyStore


@cache
def build() -> "Authorizer":
    from foreverus.access.authorizer import Authorizer
    from foreverus.access.last_use import LastUse
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.cognito import CognitoTokens

    env = settings.AuthorizeSettings.from_env(os.environ)
    return Authorizer(
        api_keys=ApiKeyStore(aws.items(env.keys_table_name)),
        tokens=CognitoTokens(aws.client("cognito-idp")),
        uses=LastUse(_quick_store),
        user_pool_id=env.user_pool_id,
        client_id=env.user_pool_client_id,
        clock=aws.clock,
    )


@cache
def _quick_store() -> "ApiKeyStore":
    """One try of at most two seconds, far below the function's ten: what it writes is worth no more."""
    from botocore.config import Config

    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.dynamo import Table

    env = settings.AuthorizeSettings.from_env(os.environ)
    once = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    return ApiKeyStore(Table(aws.client("dynamodb", own=once), env.keys_table_name))
