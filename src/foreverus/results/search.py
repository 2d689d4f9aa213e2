"""Which of a person's messages have some words: one question to PostgreSQL, as a role that may ask nothing else.

What is found there may be gone from DynamoDB already, and what was said just now is not there yet: who shows it looks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from foreverus.aws.data_api import Asleep, Database, Unanswered
from foreverus.conversations.search.records import MessageFound, TextsFound, WhyTitlesAlone
from foreverus.text import for_postgresql

logger = logging.getLogger(__name__)

ASK = "SELECT conversation_id, message_id, stems FROM search_messages(:person, :given, :before, :most)"
LOGIN_LIVES = timedelta(minutes=15)  # of a secret that is lent for twenty


@dataclass
class MessageSearch:
    """`login`: the database, logged in as who searches; asked for anew after a while, for the login is a lent one."""

    login: Callable[[], Database]
    clock: Callable[[], datetime]
    _since: datetime | None = field(default=None, init=False)
    _database: Database | None = field(default=None, init=False)

    def search(self, user_id: str, words: str, before: str, most: int) -> TextsFound:
        """So many conversations at most, newest first; `before`: only older ones than that. Says at once that the
        database sleeps: the question has woken it."""
        asked = {"person": user_id, "given": for_postgresql(words), "before": before, "most": most}
        try:
            rows = self._logged_in().ask(ASK, asked)
        except Asleep:
            return TextsFound(why=WhyTitlesAlone.WAKING)
        except Unanswered:
            self._since = None  # perhaps the login is the reason: the next one is new
            logger.exception("PostgreSQL could not be searched")
            return TextsFound(why=WhyTitlesAlone.UNAVAILABLE)
        stems = tuple(str(rows[0][2]).split()) if rows else ()
        return TextsFound(tuple(MessageFound(str(row[0]), str(row[1])) for row in rows), stems)

    def _logged_in(self) -> Database:
        now = self.clock()
        if self._database is None or self._since is None or now - self._since > LOGIN_LIVES:
            self._database, self._since = self.login(), now
        return self._database
