"""Open WebSockets of whoever is shut out."""

from typing import Protocol


class Sockets(Protocol):
    def close(self, user_id: str, key_id: str = "") -> int:
        """Closes all of a person's, or those that one key opened; returns how many. Never raises."""
