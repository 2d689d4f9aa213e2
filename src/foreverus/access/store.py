"""API keys in DynamoDB, access tokens with Cognito."""

import secrets
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from foreverus import table
from foreverus.access.authorizer import API_KEY_PREFIX
from foreverus.dynamo import Table


class ApiKeyStore:
    def __init__(self, items: Table):
        self.items = items

    def user_of(self, api_key: str) -> str | None:
        found = self.items.get(table.api_key_key(api_key))
        return str(found["user_id"]) if found else None

    def create(self, user_id: str, name: str, now: datetime) -> str:
        """Makes a key of 256 random bits and returns it: it can never be shown again."""
        api_key = API_KEY_PREFIX + secrets.token_urlsafe(32)
        self.items.put(
            {**table.api_key_key(api_key), "user_id": user_id, "name": name, "created_at": table.timestamp(now)}
        )
        return api_key


class CognitoTokens:
    def __init__(self, client: Any):
        self.client = client

    def accepts(self, access_token: str) -> bool:
        """Raises whatever Cognito fails with, other than a refusal: an outage must not look like a wrong token."""
        try:
            self.client.get_user(AccessToken=access_token)
        except ClientError as err:
            refusals = ("NotAuthorizedException", "UserNotFoundException", "InvalidParameterException")
            if err.response["Error"]["Code"] in refusals:
                return False
            raise
        return True
