"""Who may ask."""

import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.people import AuthorizeSettings

if TYPE_CHECKING:
    from foreverus.access.authorizer import Authorizer
    from foreverus.access.store import ApiKeyStore
    from foreverus.access.tokens import AccessToken, SignedTokens


@cache
def build() -> "Authorizer":
    from foreverus.access.authorizer import Authorizer
    from foreverus.access.last_use import LastUse
    from foreverus.access.looks import Look
    from foreverus.access.people import People
    from foreverus.access.store import ApiKeyStore
    from foreverus.access.tickets import TicketStore
    from foreverus.aws.cognito import CognitoPeople

    env = AuthorizeSettings.from_env(os.environ)
    table = aws.items(env.keys_table_name)
    people = People(CognitoPeople(aws.client("cognito-idp"), env.user_pool_id), aws.clock)
    return aws.lasting(
        Authorizer(
            api_keys=ApiKeyStore(table),
            tokens=_TokensWhenNeeded(),
            people=people,
            uses=LastUse(_quick_store),
            tickets=TicketStore(table),
            looks=Look(ApiKeyStore(table), people.look),
            clock=aws.clock,
            keys_in_addresses=env.keys_in_addresses == "true",
        )
    )


class _TokensWhenNeeded:
    """Programs come with keys: a cold start of theirs loads no cryptography, and fetches no signing keys."""

    def verify(self, token: str, now: datetime) -> "AccessToken | None":
        return _signed_tokens().verify(token, now)


@cache
def _signed_tokens() -> "SignedTokens":
    from foreverus.access.tokens import SignedTokens, SigningKeys, TokenRules
    from foreverus.aws.cognito import fetch_document

    env = AuthorizeSettings.from_env(os.environ)
    keys = SigningKeys(lambda: fetch_document(env.signing_keys_url), aws.clock)
    return SignedTokens(keys, TokenRules(env.token_issuer, env.user_pool_client_id))


@cache
def _quick_store() -> "ApiKeyStore":
    """One try of at most two seconds, far below the function's ten: what it writes is worth no more."""
    from botocore.config import Config

    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.dynamo import Table

    env = AuthorizeSettings.from_env(os.environ)
    once = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    return ApiKeyStore(Table(aws.client("dynamodb", own=once), env.keys_table_name))
