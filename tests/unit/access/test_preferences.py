"""What a person prefers: shown, changed, taken back, and nobody else's."""

from foreverus.access.preferences import Preferences, PreferenceService, PreferenceStore
from foreverus.aws import keys
from foreverus.backends.port import BackendName
from tests.unit.conftest import Aws


def service(aws: Aws) -> PreferenceService:
    return PreferenceService(PreferenceStore(aws.items), BackendName.AUTO)


def test_a_preference_is_kept_until_it_is_taken_back(aws: Aws) -> None:
    people = service(aws)
    nobody = {"object": "person", "id": "user-1", "backend": None, "default_backend": "auto"}
    assert people.show("user-1") == nobody
    for backend in ("gpu", "bedrock", "auto"):
        assert people.change("user-1", {"backend": backend})["backend"] == backend
        assert people.change("user-1", {}) == people.show("user-1") == {**nobody, "backend": backend}
    assert people.show("user-2")["backend"] is None
    assert people.change("user-1", {"backend": None}) == nobody == people.show("user-1")


def test_a_word_of_a_newer_version_is_no_preference(aws: Aws) -> None:
    aws.put(**keys.preferences_key("user-1"), user_id="user-1", backend="both")
    assert PreferenceStore(aws.items).get("user-1") == Preferences()
