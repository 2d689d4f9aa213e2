"""Which passages of a person's documents fit a question: by what it means and by its words.

What PostgreSQL finds may be of a document that is deleted by now: the table says which there are.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from foreverus.abilities.embed.port import Embed
from foreverus.aws.data_api import Asleep, Unanswered
from foreverus.documents.passages import Passages
from foreverus.documents.records import MOST_FOUND, DocumentStatus, PassagesFound
from foreverus.documents.sources import WhyNone
from foreverus.documents.store import DocumentStore
from foreverus.errors import EngineError, PromptRejected

MORE = 3  # times as many are asked for, because some may be of deleted documents
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PassageFinder:
    """`least`: the similarity below which what has no word of the question's is not found. `relog`: a login may be the
    reason of a failure."""

    store: DocumentStore
    embedder: Embed
    passages: Passages
    least: float
    relog: Callable[[], None]

    def find(self, user_id: str, question: str, most: int = MOST_FOUND) -> PassagesFound:
        there = {one.document_id: one for one in self.store.all(user_id) if one.status is DocumentStatus.READY}
        if not there:
            return PassagesFound()
        try:
            vector = self.embedder.embed(question).vector
            found = self.passages.find(user_id, question, vector, self.least, MORE * most)
        except (EngineError, PromptRejected):
            log.exception("a question could not be embedded")
            return PassagesFound(why=WhyNone.NOT_EMBEDDED)
        except Asleep:
            return PassagesFound(why=WhyNone.WAKING)
        except Unanswered:
            self.relog()
            log.exception("PostgreSQL could not be asked for passages")
            return PassagesFound(why=WhyNone.UNAVAILABLE)
        best = [one for one in found if one.document_id in there][:most]
        return PassagesFound(tuple(best), tuple(there[one.document_id].filename for one in best))
