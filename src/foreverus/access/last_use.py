"""Notes when a key was last used. Whoever comes with a good key comes in, whether or not that could be noted."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.access.records import LAST_USE_SECONDS, ApiKey
from foreverus.access.store import ApiKeyStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LastUse:
    """`store` makes a store whose client gives up soon: a table that does not answer must not keep a request waiting.
    It is made when it is first needed, which is once an hour for a key, and no part of a cold start."""

    store: Callable[[], ApiKeyStore]

    def note(self, key: ApiKey, now: datetime) -> None:
        """At most once an hour for each key; never raises."""
        before = ids.timestamp(now - timedelta(seconds=LAST_USE_SECONDS))
        if key.last_used_at is not None and key.last_used_at >= before:
            return
        try:
            self.store().used(key, ids.timestamp(now), before)
        except Exception:
            logger.warning("the use of %s could not be noted", key.key_id, exc_info=True)
