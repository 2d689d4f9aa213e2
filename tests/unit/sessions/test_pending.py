"""What waits: the table and its twin behave alike, and items that are stored today are read."""

from collections.abc import Callable

import pytest

from foreverus.aws import keys
from foreverus.backends.port import BackendName
from foreverus.sessions.pending import (
    MemoryPendingWork,
    PendingBatch,
    PendingMessage,
    PendingWork,
    PendingWorkStore,
    ended_write,
    move_writes,
    moved,
    pending_write,
)
from tests.unit.conftest import Aws

AT = "2026-01-01T12:00:00.000Z"
FIRST = PendingMessage(message_id="msg_1", conversation_id="conv_1", user_id="ana", created_at=AT)
SECOND = PendingMessage(message_id="msg_2", conversation_id="conv_2", user_id="bia", created_at=AT)
BATCH = PendingBatch(batch_id="batch_1", user_id="ana", created_at=AT)

Accept = Callable[[PendingMessage | PendingBatch], None]


@pytest.fixture(params=["dynamodb", "memory"])
def world(request: pytest.FixtureRequest, aws: Aws) -> tuple[PendingWork, Accept]:
    if request.param == "memory":
        memory = MemoryPendingWork()
        return memory, memory.add
    return PendingWorkStore(aws.items), lambda work: aws.items.transact(pending_write(work))


def test_messages_and_batches_are_told_apart_and_are_oldest_first(world: tuple[PendingWork, Accept]) -> None:
    pending, accept = world
    for work in (SECOND, BATCH, FIRST):
        accept(work)
    assert pending.messages() == [FIRST, SECOND]
    assert pending.batches() == [BATCH]


def test_a_batch_is_no_message(world: tuple[PendingWork, Accept]) -> None:
    pending, accept = world
    accept(BATCH)
    assert not pending.any_message()
    accept(FIRST)
    assert pending.any_message()


def test_what_is_removed_does_not_wait_and_may_be_removed_again(world: tuple[PendingWork, Accept]) -> None:
    pending, accept = world
    accept(FIRST)
    accept(BATCH)
    for _ in range(2):
        pending.remove("msg_1")
    assert pending.messages() == [] and pending.batches() == [BATCH]
    pending.remove("batch_1")
    assert pending.batches() == []


def test_what_is_accepted_twice_waits_once(world: tuple[PendingWork, Accept]) -> None:
    pending, accept = world
    accept(FIRST)
    accept(FIRST)
    assert pending.messages() == [FIRST]


def test_items_are_what_the_state_machine_and_older_versions_read(aws: Aws) -> None:
    message = {"message_id": "msg_1", "conversation_id": "conv_1", "user_id": "ana", "created_at": AT}
    batch = {"kind": "batch", "batch_id": "batch_1", "user_id": "ana", "created_at": AT}
    aws.items.transact(pending_write(FIRST), pending_write(BATCH))
    assert list(aws.items.query("PENDING")) == [
        {"pk": "PENDING", "sk": "batch_1", **batch},
        {"pk": "PENDING", "sk": "msg_1", **message},
    ]
    aws.items.transact(ended_write("msg_1"), ended_write("batch_1"))
    assert list(aws.items.query(keys.PENDING)) == []


def test_fields_and_kinds_of_a_newer_version_do_no_harm(aws: Aws) -> None:
    message = {"message_id": "msg_1", "conversation_id": "conv_1", "user_id": "ana", "created_at": AT}
    aws.put(pk="PENDING", sk="msg_1", **message, backend="gpu")
    aws.put(pk="PENDING", sk="tune_1", kind="tuning", user_id="ana", created_at=AT)
    pending = PendingWorkStore(aws.items)
    assert pending.messages() == [FIRST] and pending.batches() == []


ON_BEDROCK = PendingMessage(
    message_id="msg_3", conversation_id="conv_3", user_id="ana", created_at=AT, backend=BackendName.BEDROCK
)


def test_what_waits_for_bedrock_keeps_and_buys_no_gpu(world: tuple[PendingWork, Accept]) -> None:
    pending, accept = world
    accept(ON_BEDROCK)
    assert pending.on_bedrock() == [ON_BEDROCK]
    assert pending.messages() == [] and pending.batches() == [] and not pending.any_message()
    pending.remove("msg_3")  # of those that wait for a GPU
    assert pending.on_bedrock() == [ON_BEDROCK]
    for _ in range(2):
        pending.forget("msg_3")
        assert pending.on_bedrock() == []
    accept(FIRST)
    pending.forget("msg_1")
    assert pending.messages() == []


def test_what_was_tried_is_counted_while_it_waits(world: tuple[PendingWork, Accept]) -> None:
    pending, accept = world
    accept(ON_BEDROCK)
    accept(FIRST)
    assert pending.count("msg_3", unended=1) and pending.count("msg_3", called=1) and pending.count("msg_3", unended=1)
    (found,) = pending.on_bedrock()
    assert (found.unended, found.called) == (2, 1)
    pending.forget("msg_3")
    assert not pending.count("msg_3", unended=1) and not pending.count("msg_1", unended=1)
    assert pending.on_bedrock() == [] and pending.messages() == [FIRST]


@pytest.mark.parametrize("message", [FIRST, ON_BEDROCK], ids=["to Bedrock", "to a GPU"])
def test_a_message_moves_between_the_two_once(aws: Aws, message: PendingMessage) -> None:
    pending = PendingWorkStore(aws.items)
    aws.items.transact(pending_write(message))
    pending.count(message.message_id, unended=2, called=1)
    assert aws.items.transact_if(*move_writes(message))
    there = moved(message)
    assert (there.moved_from, there.may_move, there.unended) == (message.backend, False, 0)
    assert [*pending.messages(), *pending.on_bedrock()] == [there] and there.backend is not message.backend
    assert not aws.items.transact_if(*move_writes(message)), "it waits there no more"
    assert [*pending.messages(), *pending.on_bedrock()] == [there]
