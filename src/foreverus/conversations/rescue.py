"""Requests that were accepted and are stuck: a crash between the table and the queue, or with no session to answer."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foreverus import table
from foreverus.conversations.queue import Requests
from foreverus.conversations.store import ConversationStore
from foreverus.errors import NotAccepted
from foreverus.sessions.start import SessionStarter

Item = dict[str, Any]

STUCK_AFTER = timedelta(minutes=10)  # longer than a boot and an answer take

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rescuer:
    store: ConversationStore
    queue: Requests
    sessions: SessionStarter
    clock: Callable[[], datetime]

    def rescue(self) -> Item:
        """Queues stuck requests again (an answer is saved once, so a duplicate does no harm) and sees to a session."""
        waiting = self.store.pending()
        stuck = [item for item in waiting if self.clock() - table.parse_timestamp(item["created_at"]) > STUCK_AFTER]
        for item in stuck:
            logger.warning("request %s waits since %s: queued again", item["message_id"], item["created_at"])
            self.queue.send(item)
        started = False
        if waiting:
            try:
                _, started = self.sessions.start(waiting[0]["user_id"], "message")
            except NotAccepted:
                logger.warning("requests wait and no session could be started", exc_info=True)
        return {"waiting": len(waiting), "queued_again": len(stuck), "session_started": started}
