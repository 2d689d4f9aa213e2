"""The people of the user pool."""

from typing import Any, NamedTuple


class Member(NamedTuple):
    email: str
    created_at: str


class CognitoUsers:
    def __init__(self, client: Any, user_pool_id: str):
        self.client = client
        self.user_pool_id = user_pool_id

    def get(self, user_id: str) -> Member | None:
        """None for somebody who is not there (any more)."""
        try:
            found = self.client.admin_get_user(UserPoolId=self.user_pool_id, Username=user_id)
        except self.client.exceptions.UserNotFoundException:
            return None
        attributes = {one["Name"]: one["Value"] for one in found["UserAttributes"]}
        return Member(str(attributes.get("email", "")), found["UserCreateDate"].isoformat())

    def delete(self, user_id: str) -> int:
        """How many there were: 0 or 1. Their tokens end with them."""
        try:
            self.client.admin_delete_user(UserPoolId=self.user_pool_id, Username=user_id)
        except self.client.exceptions.UserNotFoundException:
            return 0
        return 1

    def disable(self, user_id: str) -> int:
        """Nothing lets them in any more, and they can be let in again. How many there were: 0 or 1."""
        try:
            self.client.admin_disable_user(UserPoolId=self.user_pool_id, Username=user_id)
        except self.client.exceptions.UserNotFoundException:
            return 0
        return 1
