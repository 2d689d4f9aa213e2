"""The end of a person's access: their keys and their open WebSockets.

One function for whoever removes people (an admin, a person who leaves, the owner). Who may do that is theirs to check,
and so is the person in Cognito, first: whoever can still sign in makes new keys and sockets.
"""

import logging
from dataclasses import dataclass
from typing import Protocol

from foreverus.access.store import ApiKeyStore

logger = logging.getLogger(__name__)


class Sockets(Protocol):
    def close(self, user_id: str, key_id: str = "") -> int:
        """Closes all of a person's, or those that one key opened; returns how many. Never raises."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How much was taken away."""

    keys: int
    sockets: int


def end_access(user_id: str, api_keys: ApiKeyStore, sockets: Sockets) -> Ended:
    """Revokes all of the person's keys, then closes their WebSockets; doing it twice is doing it once. An access token
    that they still hold opens nothing once Cognito says that they are gone (a minute at most), and a socket that could
    not be closed gets nothing after 50 s. Raises whatever DynamoDB fails with: then it is to be done again."""
    revoked = api_keys.forget_person(user_id)
    closed = sockets.close(user_id)
    logger.info("the access of %s was ended: %d keys, %d sockets", user_id, revoked, closed)
    return Ended(revoked, closed)
