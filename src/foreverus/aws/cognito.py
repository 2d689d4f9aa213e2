"""Access tokens, looked at by Cognito itself (docs/decisions/0003)."""

from typing import Any

from botocore.exceptions import ClientError


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
