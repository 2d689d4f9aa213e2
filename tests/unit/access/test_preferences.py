"""What a person prefers: shown, changed, taken back, and nobody else's."""

from typing import Any

import pytest

from foreverus.access.preferences import Preferences, PreferenceService, PreferenceStore
from foreverus.api import schemas
from foreverus.aws import keys
from foreverus.backends.port import BackendName
from foreverus.errors import InvalidRequest
from tests.unit.conftest import Aws

NONE: dict[str, Any] = {
    **{"backend": None, "language": None, "theme": None, "sounds": False},
    **{"reads_aloud": False, "sends_spoken": False, "suggest_memories": False, "hears": None},
    **{"voice_pt": None, "voice_en": None, "speed_pt": None, "speed_en": None},
}


def service(aws: Aws, has_voice: bool = False) -> PreferenceService:
    return PreferenceService(PreferenceStore(aws.items), BackendName.AUTO, has_voice)


def test_a_preference_is_kept_until_it_is_taken_back(aws: Aws) -> None:
    people = service(aws)
    nobody = {
        "object": "person",
        "id": "user-1",
        **NONE,
        "default_backend": "auto",
        "has_voice": False,
        "sees_images": False,
    }
    assert people.show("user-1") == nobody
    for backend in ("gpu", "bedrock", "auto"):
        assert people.change("user-1", {"backend": backend})["backend"] == backend
        assert people.change("user-1", {}) == people.show("user-1") == {**nobody, "backend": backend}
    assert people.show("user-2")["backend"] is None
    assert people.change("user-1", {"backend": None}) == nobody == people.show("user-1")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("backend", ["gpu", "bedrock", "auto"]),
        ("language", ["en", "pt"]),
        ("theme", ["dark", "light", "system"]),
        ("sounds", [True, False]),
        ("reads_aloud", [True, False]),
        ("sends_spoken", [True, False]),
        ("suggest_memories", [True, False]),
        ("hears", ["pt", "either", "en"]),
        ("voice_pt", ["onyx", "nova"]),
        ("voice_en", ["onyx", "nova"]),
        ("speed_pt", [0.75, 1, 1.25, 1.5, 1.75]),
        ("speed_en", [1.75, 1, 0.75]),
    ],
)
def test_each_is_set_alone_and_what_another_device_sets_meanwhile_stays(
    aws: Aws, name: str, values: list[str | bool | float]
) -> None:
    other = {"theme": "dark"} if name != "theme" else {"sounds": True}
    here, there = service(aws), service(aws)
    for value in values:
        schemas.check("account_change", {name: value})
        here.change("user-1", {name: value})
        there.change("user-1", other)
        shown = here.show("user-1")
        assert {one: shown[one] for one in NONE} == {**NONE, **other, name: value}
    assert here.change("user-1", {name: None})[name] == NONE[name]
    assert name not in (aws.items.get(keys.preferences_key("user-1")) or {})


@pytest.mark.parametrize(
    ("body", "must_be"),
    [
        ({"language": "fr"}, "pt, en or null"),
        ({"theme": "blue"}, "system, light, dark or null"),
        ({"sounds": "yes"}, "true, false or null"),
        ({"sounds": 1}, "true, false or null"),
        ({"reads_aloud": "yes"}, "true, false or null"),
        ({"hears": "fr"}, "pt, en, either or null"),
        ({"voice_pt": "Camila"}, "nova, onyx or null"),
        ({"speed_en": 3}, "0.75, 1, 1.25, 1.5, 1.75 or null"),
    ],
)
def test_what_nobody_can_prefer_is_told(body: dict[str, Any], must_be: str) -> None:
    with pytest.raises(InvalidRequest, match=f"must be {must_be}, not") as refused:
        schemas.check("account_change", body)
    assert refused.value.param == next(iter(body))


def test_a_word_of_a_newer_version_is_no_preference(aws: Aws) -> None:
    aws.put(
        **keys.preferences_key("user-1"),
        **{"user_id": "user-1", "backend": "both", "language": "la", "theme": "sepia", "sounds": "loud"},
        **{"hears": "la", "voice_pt": "cello", "speed_en": 9, "reads_aloud": "often"},
    )
    assert PreferenceStore(aws.items).get("user-1") == Preferences()


@pytest.mark.parametrize("has_voice", [False, True])
def test_a_person_is_told_whether_the_deployment_has_a_voice(aws: Aws, has_voice: bool) -> None:
    people = service(aws, has_voice)
    assert people.show("user-1")["has_voice"] is people.change("user-1", {})["has_voice"] is has_voice
