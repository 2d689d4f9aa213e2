"""Which letters were sent: the Scheduler delivers a run at least once, and people get one letter."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.aws.demand_keys import letter_key
from foreverus.aws.dynamo import ConditionFailed, Table
from foreverus.errors import NotAccepted

SENDS = timedelta(seconds=90)  # longer than the function lives: who began before that is gone
KEPT = timedelta(days=30)  # a run is delivered again within a day

log = logging.getLogger(__name__)


class SentLetters(Protocol):
    def begin(self, scheduled_at: str, now: datetime) -> bool:
        """False where it was sent. Raises NotAccepted while another run sends it: that may fail, and Lambda tries
        again."""

    def done(self, scheduled_at: str, now: datetime) -> None:
        """Raises nothing: the letter is out, and to try again would send it twice."""


class SentLetterStore:
    def __init__(self, items: Table):
        self.items = items

    def begin(self, scheduled_at: str, now: datetime) -> bool:
        key, at = letter_key(scheduled_at), ids.timestamp(now)
        kept = {"begun_at": at, "expires_at": int((now + KEPT).timestamp())}
        free = "attribute_not_exists(pk) OR (attribute_not_exists(sent_at) AND begun_at < :gone)"
        try:
            self.items.put({**key, **kept}, free, {":gone": ids.timestamp(now - SENDS)})
        except ConditionFailed:
            if (self.items.get(key) or {}).get("sent_at"):
                return False
            raise NotAccepted("This letter is being sent by another run just now.") from None
        return True

    def done(self, scheduled_at: str, now: datetime) -> None:
        try:
            self.items.update(letter_key(scheduled_at), "SET sent_at = :now", {":now": ids.timestamp(now)})
        except Exception:
            log.exception("that the letter of %s was sent is not noted", scheduled_at)
