"""What is measured of an answer to a message, once it is saved: whoever saved it says it, and nobody else.

Not from the table's stream: it brings a change again where its reader failed, and would count it twice. A process that
dies between the transaction and the line says nothing, so what is counted is never more than what was answered.
"""

from datetime import datetime

from foreverus import ids
from foreverus.backends.port import BackendName
from foreverus.conversations.records import STOPPED, FinishedAnswer, Question
from foreverus.errors import is_failure
from foreverus.metric_definitions import RequestKind
from foreverus.metrics import Metrics


def measure(
    metrics: Metrics,
    question: Question,
    finished: FinishedAnswer,
    now: datetime,
    *,
    by: BackendName,
    said_s: float | None = None,
    ready_at: datetime | None = None,
) -> None:
    """`said_s`: for how long its first word has been there; None: it has none. `ready_at`: since when its GPU could
    answer: who waited for the boot waits from then on."""
    asked = ids.parse_timestamp(question.created_at)
    took = (now - max(asked, ready_at or asked)).total_seconds()
    code = finished.error.code if finished.error else ""
    is_whole = not code and finished.finish_reason != STOPPED
    first_word = None if said_s is None else took - said_s
    metrics.answer(by.value, RequestKind.CHAT, first_word, took if is_whole else None, code if is_failure(code) else "")
