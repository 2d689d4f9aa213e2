"""Which of the open WebSockets is a person's own."""

from typing import Any

from foreverus.aws.dynamo import Table
from foreverus.aws.keys import conversation_topic
from foreverus.aws.socket_keys import subscribers_partition
from local.cloud import Cloud
from local.person import Person


def connection_of(cloud: Cloud, person: Person) -> str:
    """Its id: of the one that hears of a conversation of theirs. The relay's lines are open connections too, and what
    is pushed to one of them is waited for in vain."""
    conversation = person.converse("Nobody asks anything here.")
    found = listener(cloud.emulator.client("dynamodb"), cloud.stack["TableName"], conversation)
    person.unsubscribe(conversation_id=conversation)
    return found


def listener(client: Any, table: str, conversation_id: str) -> str:
    """The one connection that listens to that conversation."""
    (one,) = Table(client, table).query(subscribers_partition(conversation_topic(conversation_id)))
    return str(one["sk"])
