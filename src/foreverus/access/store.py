"""API keys in DynamoDB, each under its digest."""

import secrets
from datetime import datetime

from foreverus import ids
from foreverus.access.records import API_KEY_PREFIX, ApiKey
from foreverus.aws import keys
from foreverus.aws.dynamo import Table


class ApiKeyStore:
    def __init__(self, items: Table):
        self.items = items

    def find(self, secret: str) -> ApiKey | None:
        found = self.items.get(keys.api_key_key(secret))
        if not found:
            return None
        return ApiKey(user_id=found["user_id"], name=found.get("name", ""), created_at=found.get("created_at", ""))

    def create(self, user_id: str, name: str, now: datetime) -> str:
        """Makes a key of 256 random bits and returns it: it can never be shown again."""
        secret = API_KEY_PREFIX + secrets.token_urlsafe(32)
        item = {"user_id": user_id, "name": name, "created_at": ids.timestamp(now)}
        self.items.put({**keys.api_key_key(secret), **item})
        return secret
