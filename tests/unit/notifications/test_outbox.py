"""The outbox in DynamoDB (moto) and its twin; what is sent from it."""

import pytest

from foreverus.aws import keys
from foreverus.notifications.notification import MemoryNotifier, Notification, TopicNotifier
from foreverus.notifications.outbox import MemoryOutbox, Outbox, OutboxEntry, OutboxStore, Subject, deliver, entry_write
from tests.unit.conftest import Aws

SESSION = OutboxEntry(Subject.SESSIONS, "ses_1", ended_at="2026-01-01T12:00:00.000Z")
BATCH = OutboxEntry(Subject.BATCHES, "batch_1", user_id="ana")
OVER = Notification("It is over", "It is.")


@pytest.fixture(params=["dynamodb", "memory"])
def outbox(request: pytest.FixtureRequest) -> Outbox:
    return MemoryOutbox() if request.param == "memory" else OutboxStore(request.getfixturevalue("aws").items)


def test_an_entry_stays_until_it_is_removed(outbox: Outbox) -> None:
    other = OutboxEntry(Subject.BATCHES, "batch_0", user_id="bia")
    for entry in (BATCH, other, BATCH, SESSION):
        outbox.add(entry)
    assert outbox.entries(Subject.BATCHES) == [other, BATCH]
    assert outbox.entries(Subject.SESSIONS) == [SESSION]
    for _ in range(2):
        outbox.remove(Subject.BATCHES, "batch_1")
    assert outbox.entries(Subject.BATCHES) == [other]
    assert outbox.entries(Subject.SESSIONS) == [SESSION]


def test_what_cannot_be_sent_is_still_owed(outbox: Outbox) -> None:
    notifier = MemoryNotifier()
    outbox.add(BATCH)
    notifier.fail_next(ConnectionError())
    with pytest.raises(ConnectionError):
        deliver(outbox, notifier, BATCH, OVER)
    assert (outbox.entries(Subject.BATCHES), notifier.sent) == ([BATCH], [])
    deliver(outbox, notifier, BATCH, OVER)
    assert (outbox.entries(Subject.BATCHES), notifier.sent) == ([], [OVER])


def test_a_crash_between_sending_and_removing_sends_twice_and_never_not_at_all() -> None:
    class Crashing(MemoryOutbox):
        def remove(self, subject: Subject, name: str) -> None:
            raise TimeoutError

    outbox, notifier = Crashing(), MemoryNotifier()
    outbox.add(BATCH)
    with pytest.raises(TimeoutError):
        deliver(outbox, notifier, BATCH, OVER)
    assert (outbox.entries(Subject.BATCHES), notifier.sent) == ([BATCH], [OVER])


def test_items_are_stored_as_they_always_were(aws: Aws) -> None:
    """gpu_session deletes the session's itself."""
    outbox = OutboxStore(aws.items)
    outbox.add(BATCH)
    aws.items.transact(entry_write(SESSION))
    assert aws.items.get({"pk": "UNTOLD#BATCHES", "sk": "batch_1"}) == {
        **keys.outbox_key("BATCHES", "batch_1"),
        "user_id": "ana",
    }
    assert aws.items.get({"pk": "UNTOLD#SESSIONS", "sk": "ses_1"}) == {
        **keys.outbox_key("SESSIONS", "ses_1"),
        "ended_at": "2026-01-01T12:00:00.000Z",
    }


def test_a_subject_is_fit_for_sns_whatever_is_in_it() -> None:
    class Topic:
        def __init__(self) -> None:
            self.published: list[tuple[str, str]] = []

        def publish(self, subject: str, message: str) -> None:
            self.published.append((subject, message))

    topic = Topic()
    TopicNotifier(topic).send(Notification("Sessão\nfailed " + "x" * 200, "Olá"))
    ((subject, message),) = topic.published
    assert subject.startswith("Sess?o failed x") and subject.isascii() and len(subject) == 99
    assert message == "Olá"
