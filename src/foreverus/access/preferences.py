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


class VoiceKind(StrEnum):
    """By OpenAI's names, which every voice that reads aloud here has: the one is higher, the other lower."""

    NOVA = "nova"
    ONYX = "onyx"


class Hears(StrEnum):
    """What somebody speaks to the page."""

    PORTUGUESE = "pt"
    ENGLISH = "en"
    EITHER = "either"


SPEEDS = (0.75, 1.0, 1.25, 1.5, 1.75)  # that reading aloud can have; 1: as a person reads
Change = str | bool | float | None
_BACKENDS = {backend.value: backend for backend in BackendName}
_LANGUAGES = {language.value: language for language in Language}
_THEMES = {theme.value: theme for theme in Theme}
_KINDS = {kind.value: kind for kind in VoiceKind}
_HEARS = {one.value: one for one in Hears}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """`backend`: who answers; None: as the deployment is set. The others are the page's; None: as the browser says.
    `sounds`: one may be heard when an answer is ready and nobody looks. `reads_aloud`: answers, as they come.
    `sends_spoken`: at once, unread. `suggest_memories`: the page may offer to remember what somebody says about
    themselves. `hears`: None: the page's language."""

    backend: BackendName | None = None
    language: Language | None = None
    theme: Theme | None = None
    sounds: bool = False
    reads_aloud: bool = False
    sends_spoken: bool = False
    suggest_memories: bool = False
    hears: Hears | None = None
    voice_pt: VoiceKind | None = None
    voice_en: VoiceKind | None = None
    speed_pt: float | None = None
    speed_en: float | None = None


def preferences_from_item(item: Values | None) -> Preferences:
    """Of nobody's item, and of a word that this version does not know: no preference."""
    kept = item or {}
    return Preferences(
        backend=_BACKENDS.get(str(kept.get("backend", ""))),
        language=_LANGUAGES.get(str(kept.get("language", ""))),
        theme=_THEMES.get(str(kept.get("theme", ""))),
        sounds=kept.get("sounds") is True,
        reads_aloud=kept.get("reads_aloud") is True,
        sends_spoken=kept.get("sends_spoken") is True,
        suggest_memories=kept.get("suggest_memories") is True,
        hears=_HEARS.get(str(kept.get("hears", ""))),
        voice_pt=_KINDS.get(str(kept.get("voice_pt", ""))),
        voice_en=_KINDS.get(str(kept.get("voice_en", ""))),
        speed_pt=_speed(kept.get("speed_pt")),
        speed_en=_speed(kept.get("speed_en")),
    )


def _speed(kept: object) -> float | None:
    return next((speed for speed in SPEEDS if speed == kept), None)


@dataclass(frozen=True)
class PreferenceStore:
    items: Table

    def get(self, user_id: str) -> Preferences:
        return preferences_from_item(self.items.get(keys.preferences_key(user_id)))

    def change(self, user_id: str, changes: Mapping[str, Change]) -> Preferences:
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
    """`stack`: what the deployment is set to. `has_voice`: it can read aloud and listen; `sees_images`: some
    model of it does."""

    store: PreferenceStore
    stack: BackendName
    has_voice: bool
    sees_images: bool = False

    def show(self, user_id: str) -> Body:
        return self._public(user_id, self.store.get(user_id))

    def change(self, user_id: str, changes: Mapping[str, Change]) -> Body:
        """What is not named stays; null takes a preference back. `changes` fits its schema."""
        kept = self.store.change(user_id, changes) if changes else self.store.get(user_id)
        return self._public(user_id, kept)

    def _public(self, user_id: str, kept: Preferences) -> Body:
        has = {"has_voice": self.has_voice, "sees_images": self.sees_images}
        stack = {"default_backend": self.stack.value, **has}
        return {"object": "person", "id": user_id, **public_preferences(kept), **stack}


def public_preferences(kept: Preferences) -> Body:
    return {
        "backend": kept.backend and kept.backend.value,
        "language": kept.language and kept.language.value,
        "theme": kept.theme and kept.theme.value,
        "sounds": kept.sounds,
        "reads_aloud": kept.reads_aloud,
        "sends_spoken": kept.sends_spoken,
        "suggest_memories": kept.suggest_memories,
        "hears": kept.hears and kept.hears.value,
        "voice_pt": kept.voice_pt and kept.voice_pt.value,
        "voice_en": kept.voice_en and kept.voice_en.value,
        "speed_pt": kept.speed_pt,
        "speed_en": kept.speed_en,
    }
