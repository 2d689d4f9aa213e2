"""Passages for a question that waits for its answer.

Whoever asks names the message alone. Whose it is says what waits, where no GPU machine may write; what is asked says
the table. So a stolen machine gets passages of those whose questions wait, and of nobody else.
"""

from dataclasses import dataclass

from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.documents.finding import PassageFinder
from foreverus.documents.records import PassagesFound
from foreverus.errors import NotFound
from foreverus.text import is_blank

MOST_CHARACTERS = 2000  # of a question: a longer one is looked for by its beginning and its end


@dataclass(frozen=True)
class QuestionPassages:
    items: Table
    finder: PassageFinder

    def find(self, conversation_id: str, message_id: str) -> PassagesFound:
        """Raises NotFound where no such question waits."""
        place = keys.question_key(conversation_id, message_id)
        waiting = keys.pending_key(message_id), keys.pending_on_bedrock_key(message_id)
        found = {item["pk"]: item for item in self.items.get_all([place, *waiting])}
        asked = found.pop(place["pk"], None)
        whose = next((one["user_id"] for one in found.values() if one.get("conversation_id") == conversation_id), None)
        if asked is None or not whose:
            raise NotFound("No such question waits for its answer.", param="message_id", code="message_not_found")
        question = looked_for(str(asked["content"]))
        return PassagesFound() if is_blank(question) else self.finder.find(whose, question)


def looked_for(question: str) -> str:
    """
    >>> looked_for("a" * 3000 + "Why?").endswith("aWhy?"), len(looked_for("a" * 3000)), looked_for("Why?")
    (True, 2001, 'Why?')
    """
    if len(question) <= MOST_CHARACTERS:
        return question
    return f"{question[: MOST_CHARACTERS // 2]} {question[-MOST_CHARACTERS // 2 :]}"
