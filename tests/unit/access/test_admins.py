"""Who is an admin: by the group in a signed token, never by a key. What admins may: tests/local/test_admins.py."""

from typing import Any

import pytest

from foreverus.access.authorizer import policy
from foreverus.access.records import Caller, groups_of
from foreverus.api.requests import Person, Request

ARN = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/GET/sessions"


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (["admins"], ("admins",)),
        (["students", "admins"], ("students", "admins")),
        ([], ()),
        ("admins", ()),
        (["admins", 7, None, ["admins"]], ("admins",)),
        ({"admins": True}, ()),
        (None, ()),
    ],
)
def test_groups_are_a_list_of_names_and_nothing_else(claim: object, groups: tuple[str, ...]) -> None:
    assert groups_of(claim) == groups


def test_the_routes_are_told_of_an_admin_and_of_nobody_else() -> None:
    told: Any = policy(Caller(user_id="ana", is_admin=True), ARN)["context"]
    assert told["is_admin"] == "true"
    for caller in (Caller(user_id="ana"), Caller(user_id="ana", key_id="key_1")):
        context: Any = policy(caller, ARN)["context"]
        assert context.get("is_admin", "false") == "false"


@pytest.mark.parametrize("said", [None, "", "false", "False", "1", "yes", "admins", True, "true", "True"])
def test_a_route_believes_one_word(said: object) -> None:
    authorizer = {"user_id": "ana"} | ({} if said is None else {"is_admin": said})
    person = Request({"requestContext": {"authorizer": authorizer}}).person
    assert person == Person("ana", is_admin=str(said).lower() == "true")
