"""What the API shows of a key. Pure."""

from foreverus.access.records import REVOKED_WITHIN_SECONDS, ApiKey
from foreverus.api.responses import Body


def public_key(key: ApiKey) -> Body:
    return {
        "id": key.key_id,
        "object": "api_key",
        "name": key.name,
        "last_four": key.last_four,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "can_create_keys": key.can_create_keys,
    }


def public_new_key(key: ApiKey, secret: str) -> Body:
    """The only time that anybody is shown it."""
    return {**public_key(key), "key": secret}


def public_ticket(ticket: str, expires_in: int, url: str) -> Body:
    """`expires_in`: seconds. `url`: of the WebSocket that it opens, so that a client needs no second address."""
    return {"object": "ticket", "ticket": ticket, "expires_in": expires_in, "url": url}


def public_revocation(key_id: str) -> Body:
    return {
        "id": key_id,
        "object": "api_key.deleted",
        "deleted": True,
        "effective_within_seconds": REVOKED_WITHIN_SECONDS,
    }
