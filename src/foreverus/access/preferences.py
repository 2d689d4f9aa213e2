"""What a person prefers where they do not say otherwise: `GET` and `PATCH /v1/me`.

It is erased with the person, and it is in their export.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from foreverus.api.responses import Body
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Values
from foreverus.backends.port import BackendName


class Language(StrEnum):
    PORTUGUESE = "pt"
    ENGLISH = "en"


class Theme(StrEnum):
    SYSTEM = "system"  # as the device is set
    LIGHT = "light"
    DARK = "dark"


_BACKENDS = {backend.value: backend for backend in BackendName}
_LANGUAGES = {language.value: language for language in Language}
_THEMES = {theme.value: theme for theme in Theme}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """`backend`: who answers; None: as the deployment is set. The others are the page's; None: as the browser says.
    `sounds`: one may be heard when an answer is ready and nobody looks."""

    backend: BackendName | None = None
    language: Language | None = None
    theme: Theme | None = None
    sounds: bool = False


def preferences_from_item(item: Values | None) -> Preferences:
    """Of nobody's item, and of a word that this version does not know: no preference."""
    kept = item or {}
    return Preferences(
        backend=_BACKENDS.get(str(kept.get("backend", ""))),
        language=_LANGUAGES.get(str(kept.get("language", ""))),
        theme=_THEMES.get(str(kept.get("theme", ""))),
        sounds=kept.get("sounds") is True,
    )


@dataclass(frozen=True)
class PreferenceStore:
    items: Table

    def get(self, user_id: str) -> Preferences:
        return preferences_from_item(self.items.get(keys.preferences_key(user_id)))

    def change(self, user_id: str, changes: Mapping[str, str | bool | None]) -> Preferences:
        """Sets what is named and leaves the rest, as two devices may do at once; None takes one away."""
        sets = {"user_id": user_id, **{name: value for name, value in changes.items() if value is not None}}
        removed = [f"#{name}" for name, value in changes.items() if value is None]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
        item = self.items.update(
            keys.preferences_key(user_id),
            expression + (f" REMOVE {', '.join(removed)}" if removed else ""),
            {f":{name}": value for name, value in sets.items()},
            names={f"#{name}": name for name in {**sets, **changes}},
        )
        return preferences_from_item(item)


@dataclass(frozen=True)
class PreferenceService:
    """`stack`: what the deployment is set to."""

    store: PreferenceStore
    stack: BackendName

    def show(self, user_id: str) -> Body:
        return self._public(user_id, self.store.get(user_id))

    def change(self, user_id: str, changes: Mapping[str, str | bool | None]) -> Body:
        """What is not named stays; null takes a preference back. `changes` fits its schema."""
        kept = self.store.change(user_id, changes) if changes else self.store.get(user_id)
        return self._public(user_id, kept)

    def _public(self, user_id: str, kept: Preferences) -> Body:
        return {"object": "person", "id": user_id, **public_preferences(kept), "default_backend": self.stack.value}


def public_preferences(kept: Preferences) -> Body:
    return {
        "backend": kept.backend and kept.backend.value,
        "language": kept.language and kept.language.value,
        "theme": kept.theme and kept.theme.value,
        "sounds": kept.sounds,
    }
