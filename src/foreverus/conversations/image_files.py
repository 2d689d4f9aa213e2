"""The files of images go with the questions that show them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws.dynamo import Table
from foreverus.conversations.records import Question
from foreverus.files.store import FileStore


@dataclass(frozen=True)
class DeleteImages:
    """Their records go at once, their bytes with what is owed, within minutes."""

    items: Table
    clock: Callable[[], datetime]

    def of(self, questions: Iterable[Question]) -> None:
        """Once more changes nothing."""
        files, seen = FileStore(self.items), set[str]()
        for question in questions:
            for one in question.images:
                if one.file_id not in seen:  # a question may show those of the one that it replaces
                    seen.add(one.file_id)
                    files.delete(question.user_id, one.file_id, self.clock())
