"""What a search finds, and where it could look. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from foreverus.conversations.records import Answer, Conversation, Question


class WhyTitlesAlone(StrEnum):
    """Why what was said could not be searched."""

    NO_DATABASE = "no_database"  # the stack was deployed without PostgreSQL
    WAKING = "database_waking"  # it slept; it is awake in half a minute
    UNAVAILABLE = "database_unavailable"


@dataclass(frozen=True, slots=True)
class MessageFound:
    """`message_id`: `msg_…` of a question, `ans_…` of an answer."""

    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class TextsFound:
    """Conversations in which it was said, newest first, each with its newest such message; `why`: nobody could look."""

    hits: tuple[MessageFound, ...] = ()
    stems: tuple[str, ...] = ()  # what was looked for
    why: WhyTitlesAlone | None = None


class TextSearch(Protocol):
    def search(self, user_id: str, words: str, before: str, most: int) -> TextsFound:
        """So many at most; `before`: only conversations older than that. Never raises: then `why` says it."""


class NoTexts:
    """Of a stack without PostgreSQL."""

    def search(self, user_id: str, words: str, before: str, most: int) -> TextsFound:
        return TextsFound(why=WhyTitlesAlone.NO_DATABASE)


@dataclass(frozen=True, slots=True)
class Hit:
    """A conversation that was found: by its title, by a message, or by both."""

    conversation: Conversation
    by_title: bool
    message: Question | Answer | None = None
    earlier: bool = False  # the message is in an earlier version of the conversation alone
