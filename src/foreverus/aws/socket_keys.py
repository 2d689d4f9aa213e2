"""The keys of WebSockets and who listens to what, in the DynamoDB table. `keys.py` has its others."""

from foreverus.aws.keys import Key


def connection_key(connection_id: str) -> Key:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def sockets_partition(user_id: str) -> str:
    """The open connections of one person."""
    return f"SOCKETS#{user_id}"


def socket_key(user_id: str, connection_id: str) -> Key:
    return {"pk": sockets_partition(user_id), "sk": connection_id}


def subscriber_key(topic: str, connection_id: str) -> Key:
    return {"pk": subscribers_partition(topic), "sk": connection_id}


def subscribers_partition(topic: str) -> str:
    return f"SUBSCRIBERS#{topic}"


def conversations_topic(user_id: str) -> str:
    """A person's list of conversations. Their id is in it, so that nobody else can listen."""
    return f"CONVERSATIONS#{user_id}"
