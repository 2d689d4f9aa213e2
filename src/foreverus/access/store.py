"""API keys in DynamoDB."""

import secrets
from datetime import datetime

from foreverus import ids
from foreverus.access.authorizer import API_KEY_PREFIX
from foreverus.aws import keys
from foreverus.aws.dynamo import Table


class ApiKeyStore:
    def __init__(self, items: Table):
        self.items = items

    def user_of(self, api_key: str) -> str | None:
        found = self.items.get(keys.api_key_key(api_key))
        return str(found["user_id"]) if found else None

    def create(self, user_id: str, name: str, now: datetime) -> str:
        """Makes a key of 256 random bits and returns it: it can never be shown again."""
        api_key = API_KEY_PREFIX + secrets.token_urlsafe(32)
        self.items.put(
            {**keys.api_key_key(api_key), "user_id": user_id, "name": name, "created_at": ids.timestamp(now)}
        )
        return api_key
