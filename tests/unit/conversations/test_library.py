"""A person's own library of system prompts: kept once, bounded, nobody else's."""

from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.api import schemas
from foreverus.api.requests import RequestAttempt
from foreverus.aws import person_keys
from foreverus.conversations import library
from foreverus.conversations.library import PromptLibrary
from foreverus.errors import Conflict, InvalidRequest, NotFound
from tests.unit.conftest import Aws

POET = {"name": "Poet", "text": "Answer in verse."}
NOBODY = "prompt_" + "0" * 28


def prompts() -> PromptLibrary:
    return bootstrap.api.build().prompts


def names(user_id: str = "user-1", **query: str) -> list[str]:
    return [one["name"] for one in prompts().list_prompts(user_id, query)["data"]]


def test_a_prompt_is_kept_listed_renamed_and_deleted(aws: Aws) -> None:
    made = prompts().create("user-1", POET)
    assert (made["object"], made["name"], made["text"]) == ("prompt", "Poet", "Answer in verse.")
    renamed = prompts().change("user-1", made["id"], {"name": "Bard"})
    assert (renamed["name"], renamed["text"], renamed["created_at"]) == ("Bard", made["text"], made["created_at"])
    assert prompts().change("user-1", made["id"], {}) == prompts().list_prompts("user-1", {})["data"][0] == renamed
    assert prompts().change("user-1", made["id"], {"text": "Rhyme."})["text"] == "Rhyme."
    assert prompts().delete("user-1", made["id"])["deleted"] is True
    assert names() == []
    for gone in (lambda: prompts().delete("user-1", made["id"]), lambda: prompts().change("user-1", made["id"], POET)):
        with pytest.raises(NotFound):
            gone()


def test_they_are_listed_newest_first_page_by_page(aws: Aws) -> None:
    for number in range(3):
        prompts().create("user-1", {**POET, "name": str(number)})
    prompts().create("user-2", POET)
    first = prompts().list_prompts("user-1", {"limit": "2"})
    assert first["has_more"] and [one["name"] for one in first["data"]] == ["2", "1"]
    assert names(after=first["data"][-1]["id"]) == ["0"]
    with pytest.raises(InvalidRequest):
        names(after="conv_" + "0" * 28)


def test_a_repeated_request_makes_one(aws: Aws) -> None:
    first = prompts().create("user-1", POET, RequestAttempt("k1"))
    assert prompts().create("user-1", POET, RequestAttempt("k1")) == first
    with pytest.raises(Conflict):
        prompts().create("user-1", {**POET, "name": "Other"}, RequestAttempt("k1"))
    assert prompts().create("user-1", POET, RequestAttempt("k2"))["id"] != first["id"]
    assert names() == ["Poet", "Poet"]


def test_what_was_deleted_does_not_come_back_by_a_request_that_is_late(aws: Aws) -> None:
    first = prompts().create("user-1", POET, RequestAttempt("k1"))
    prompts().delete("user-1", first["id"])
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            prompts().create("user-1", POET, RequestAttempt("k1"))
        assert (refused.value.reason, refused.value.param) == ("prompt_deleted", "Idempotency-Key")
    assert names() == []
    assert prompts().create("user-1", POET, RequestAttempt("k2"))["id"] != first["id"]


def test_of_somebody_else_there_is_none(aws: Aws) -> None:
    theirs = prompts().create("user-2", POET)["id"]
    for prompt_id in (theirs, NOBODY):
        for call in (
            lambda one: prompts().change("user-1", one, {"name": "Mine"}),
            lambda one: prompts().change("user-1", one, {}),
            lambda one: prompts().delete("user-1", one),
        ):
            with pytest.raises(NotFound):
                call(prompt_id)
    assert names("user-2") == ["Poet"]


def test_nobody_has_more_than_the_most(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MOST_PROMPTS", 3)
    made = [prompts().create("user-1", POET)["id"] for _ in range(3)]
    with pytest.raises(Conflict, match=r"You have 3 prompts, the most that one person can have. Delete one") as refused:
        prompts().create("user-1", POET)
    assert refused.value.reason == "too_many_prompts"
    assert prompts().create("user-2", POET)
    prompts().delete("user-1", made[0])
    with pytest.raises(NotFound):
        prompts().delete("user-1", made[0])  # takes no second one off the count
    prompts().create("user-1", POET)
    with pytest.raises(Conflict):
        prompts().create("user-1", POET)
    count = aws.items.get(person_keys.prompts_count_key("user-1")) or {}
    assert (count["n"], len(names())) == (3, 3)


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({"name": "a"}, "text", "The field 'text' is missing."),
        ({**POET, "name": ""}, "name", "The field 'name' must not be empty."),
        ({**POET, "name": "a" * 81}, "name", "The field 'name' has 81 characters, the most is 80: shorten it."),
        ({**POET, "text": "\n \u200b"}, "text", "The field 'text' is blank: there is nothing in it that can be seen."),
        ({**POET, "text": "a" * 4001}, "text", "The field 'text' has 4001 characters, the most is 4000: shorten it."),
        ({**POET, "user_id": "user-2"}, "user_id", "Unknown field 'user_id': leave it out. Known fields: name, text."),
    ],
)
def test_their_bounds_are_told(body: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        schemas.check("prompt_create", body)
    assert (refused.value.param, refused.value.message) == (param, says)
    if "name" in body and "text" in body:
        with pytest.raises(InvalidRequest):
            schemas.check("prompt_change", body)


def test_a_conversation_may_be_set_to_the_longest(aws: Aws) -> None:
    longest = schemas.check("prompt_create", {**POET, "text": "a" * 4000})["text"]
    assert schemas.check("conversation_change", {"system": longest})
