"""What a conversation is called changes in an answer's time: its person's open pages hear of it, whoever wrote it."""

from dataclasses import dataclass, replace

from foreverus.aws.push import Push
from foreverus.conversations.answers import Answers
from foreverus.conversations.frames import show_conversation
from foreverus.conversations.records import MessageRef
from foreverus.conversations.views import public_conversation


@dataclass(frozen=True)
class TitleNews:
    """`retention_days`: how long the stack keeps what nobody writes in; 0: for ever."""

    answers: Answers
    push: Push
    retention_days: int

    def tell(self, message: MessageRef, title: str) -> None:
        """Blocks. Nothing is told where the person has given one meanwhile, or has deleted the conversation."""
        found = self.answers.conversation(message)
        if found and not found.title:
            show_conversation(
                self.push, message.user_id, public_conversation(replace(found, title=title), self.retention_days)
            )

    def begun(self, message: MessageRef) -> None:
        """Blocks. With its first message it is called by its first words, and is the newest one. Nothing is told where
        a model has given it a title, or it was deleted."""
        found = self.answers.conversation(message)
        if found and (found.title or self.answers.is_untitled(message)):
            called = replace(found, title=found.title or found.first_words)
            show_conversation(self.push, message.user_id, public_conversation(called, self.retention_days))
