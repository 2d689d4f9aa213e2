"""The keys of the table of API keys and tickets."""

from foreverus.aws.keys import Key


def api_key_key(digest: str) -> Key:
    """The record of a key, found by the SHA-256 of the key, which itself is stored nowhere."""
    return {"pk": f"HASH#{digest}", "sk": "KEY"}


def ticket_key(digest: str) -> Key:
    """A ticket for a WebSocket, likewise."""
    return {"pk": f"TICKET#{digest}", "sk": "TICKET"}


def api_keys_partition(user_id: str) -> str:
    return f"USER#{user_id}"


def own_api_key_key(user_id: str, key_id: str) -> Key:
    """Leads from a person to the record of one of their keys."""
    return {"pk": api_keys_partition(user_id), "sk": f"KEY#{key_id}"}


def api_keys_count_key(user_id: str) -> Key:
    """How many keys the person has."""
    return {"pk": api_keys_partition(user_id), "sk": "COUNT"}
