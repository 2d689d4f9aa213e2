"""Who may ask."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.access.authorizer import Authorizer


@cache
def build() -> "Authorizer":
    from foreverus.access.authorizer import Authorizer
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.cognito import CognitoTokens

    env = settings.AuthorizeSettings.from_env(os.environ)
    tokens = CognitoTokens(aws.client("cognito-idp"))
    return Authorizer(ApiKeyStore(aws.items(env.table_name)), tokens, env.user_pool_id, env.user_pool_client_id)
