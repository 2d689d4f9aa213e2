"""Whether what somebody came in with still counts: asked anew, and of nobody's memory."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.access.records import Caller


class OwnKeys(Protocol):
    def is_kept(self, user_id: str, key_id: str) -> bool:
        """Whether the person still has this key."""


@dataclass(frozen=True)
class Look:
    """`is_active`: asks the directory of people now. Raises where nobody can say."""

    api_keys: OwnKeys
    is_active: Callable[[str], bool]

    def holds(self, caller: Caller, now: datetime) -> bool:
        """Whether the token or key is not over, the key not revoked, and its person there."""
        if caller.ends_at and caller.ends_at <= ids.timestamp(now):
            return False
        if caller.key_id and not self.api_keys.is_kept(caller.user_id, caller.key_id):
            return False
        return self.is_active(caller.user_id)
