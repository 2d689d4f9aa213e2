"""People of our user pool: whether they are still there, and the document of the keys that sign their tokens."""

from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.exceptions import ClientError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_DOCUMENT_BYTES = 65_536  # Cognito's has two keys, 800 bytes


class CognitoPeople:
    def __init__(self, client: Any, user_pool_id: str):
        self.client = client
        self.user_pool_id = user_pool_id

    def is_active(self, user_id: str) -> bool:
        """Whether the person is in the pool and not disabled. Raises whatever Cognito fails with: an outage must not
        look like somebody who left."""
        try:
            found = self.client.admin_get_user(UserPoolId=self.user_pool_id, Username=user_id)
        except ClientError as err:
            # InvalidParameterException: no such text can be a user's id.
            if err.response["Error"]["Code"] in ("UserNotFoundException", "InvalidParameterException"):
                return False
            raise
        return bool(found.get("Enabled", False))


def fetch_document(url: str, connect_s: float = 2.0, read_s: float = 3.0) -> bytes:
    """One GET without redirects, over TLS; plain HTTP to loopback only. Raises ValueError and urllib3's HTTPError."""
    address = urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOOPBACK):
        raise ValueError(f"{url} must be https://")
    timeout = urllib3.Timeout(connect=connect_s, read=read_s)
    with urllib3.PoolManager(num_pools=1, retries=False, timeout=timeout) as pool:
        answer = pool.request("GET", url, redirect=False, preload_content=False)
        try:
            document: bytes = answer.read(MOST_DOCUMENT_BYTES + 1)
        finally:
            answer.release_conn()
    if answer.status != 200 or len(document) > MOST_DOCUMENT_BYTES:
        raise ValueError(f"{url} answered {answer.status} with {len(document)} bytes")
    return document
