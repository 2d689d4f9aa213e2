"""What a person prefers where they do not say otherwise: `GET` and `PATCH /v1/me`.

It is erased with the person, and it is in their export.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from foreverus.api.responses import Body
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Values
from foreverus.backends.port import BackendName

_BACKENDS = {backend.value: backend for backend in BackendName}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """`backend`: who answers; None: as the deployment is set."""

    backend: BackendName | None = None


def preferences_from_item(item: Values | None) -> Preferences:
    """Of nobody's item, and of a word that this version does not know: no preference."""
    return Preferences(backend=_BACKENDS.get(str((item or {}).get("backend", ""))))


@dataclass(frozen=True)
class PreferenceStore:
    items: Table

    def get(self, user_id: str) -> Preferences:
        return preferences_from_item(self.items.get(keys.preferences_key(user_id)))

    def put(self, user_id: str, preferences: Preferences) -> None:
        backend = {"backend": preferences.backend.value} if preferences.backend else {}
        self.items.put({**keys.preferences_key(user_id), "user_id": user_id, **backend})


@dataclass(frozen=True)
class PreferenceService:
    """`stack`: what the deployment is set to."""

    store: PreferenceStore
    stack: BackendName

    def show(self, user_id: str) -> Body:
        return self._public(user_id, self.store.get(user_id))

    def change(self, user_id: str, changes: Mapping[str, str | None]) -> Body:
        """What is not named stays; null takes a preference back. `changes` fits its schema."""
        kept = self.store.get(user_id)
        if "backend" in changes:
            kept = Preferences(backend=_BACKENDS.get(changes["backend"] or ""))
            self.store.put(user_id, kept)
        return self._public(user_id, kept)

    def _public(self, user_id: str, kept: Preferences) -> Body:
        return {"object": "person", "id": user_id, **public_preferences(kept), "default_backend": self.stack.value}


def public_preferences(kept: Preferences) -> Body:
    return {"backend": kept.backend and kept.backend.value}
