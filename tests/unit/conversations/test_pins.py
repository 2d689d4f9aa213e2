"""Pinned conversations stand at the top of the list, whatever its pages are."""

from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.api import schemas
from foreverus.aws import keys
from foreverus.conversations.service import ConversationService
from foreverus.errors import InvalidRequest, NotFound
from tests.unit.conftest import Aws

USER = "user-1"


@pytest.fixture
def service(aws: Aws) -> ConversationService:
    return bootstrap.api.build().conversations


def made(service: ConversationService, n: int, user: str = USER) -> list[str]:
    """So many conversations' ids, newest first."""
    return [str(service.create(user, title=f"Talk {i}")["id"]) for i in range(n)][::-1]


def listed(service: ConversationService, limit: int, user: str = USER) -> list[list[dict[str, Any]]]:
    """All pages, as somebody reads them who follows `after`."""
    pages: list[list[dict[str, Any]]] = []
    query = {"limit": str(limit)}
    while True:
        page = service.list_conversations(user, query)
        pages.append(page["data"])
        if not page["has_more"]:
            return pages
        query["after"] = pages[-1][-1]["id"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
def test_the_list_begins_with_the_pinned_ones_and_has_each_once_however_it_is_paged(
    service: ConversationService, limit: int
) -> None:
    ids = made(service, 7)
    oldest, middle = ids[6], ids[3]
    assert service.change(USER, oldest, {"pinned": True})["pinned"] is True
    service.change(USER, middle, {"pinned": True})
    pages = listed(service, limit)
    assert all(len(page) <= limit for page in pages)
    found = [one for page in pages for one in page]
    assert [one["id"] for one in found] == [middle, oldest, ids[0], ids[1], ids[2], ids[4], ids[5]]
    assert [one["pinned"] for one in found] == [True, True, *[False] * 5]


def test_a_thousand_conversations_are_two_reads_of_a_page(service: ConversationService, aws: Aws) -> None:
    for n in range(1000):
        key = keys.conversation_key(USER, f"conv_{n:028x}")
        aws.put(**key, conversation_id=f"conv_{n:028x}", user_id=USER, title="T", created_at="", updated_at="")
    service.change(USER, f"conv_{0:028x}", {"pinned": True})
    read: list[Any] = []
    client = service.store.items.client
    query = client.query
    try:
        client.query = lambda **request: read.append(request) or query(**request)
        page = service.list_conversations(USER, {"limit": "50"})
    finally:
        client.query = query
    assert [one["id"][-4:] for one in page["data"][:3]] == ["0000", "03e7", "03e6"]
    assert page["has_more"] and len(page["data"]) == 50
    assert [request["Limit"] for request in read] == [100, 51]


def test_more_are_pinned_than_one_read_brings(service: ConversationService) -> None:
    ids = made(service, 104)
    for one in ids[1:]:
        service.change(USER, one, {"pinned": True})
    found = [one["id"] for page in listed(service, 60) for one in page]
    assert found == [*ids[1:], ids[0]]


def test_taking_a_pin_off_puts_it_back_where_its_age_says(service: ConversationService, aws: Aws) -> None:
    ids = made(service, 3)
    for changes in ({"pinned": True}, {"pinned": True}, {"pinned": False}, {"pinned": False}):
        service.change(USER, ids[2], changes)
    assert [one["id"] for one in service.list_conversations(USER, {})["data"]] == ids
    assert list(aws.items.query(keys.person_partition(USER), "PINNED#")) == []
    service.change(USER, ids[2], {"pinned": True})
    changed = service.change(USER, ids[2], {"title": "Sea", "backend": "gpu"})
    assert (changed["pinned"], changed["title"], changed["backend"]) == (True, "Sea", "gpu"), "others stay as they are"
    assert service.change(USER, ids[2], {"pinned": False, "backend": None})["backend"] is None


def test_a_deleted_conversations_pin_goes_with_it(service: ConversationService, aws: Aws) -> None:
    gone, stays = made(service, 2)
    service.change(USER, gone, {"pinned": True})
    service.delete(USER, gone)
    assert [one["id"] for one in service.list_conversations(USER, {})["data"]] == [stays]
    assert list(aws.items.query(keys.person_partition(USER), "PINNED#")) == []
    with pytest.raises(NotFound):
        service.change(USER, gone, {"pinned": True})
    assert list(aws.items.query(keys.person_partition(USER), "PINNED#")) == []


def test_nobody_pins_somebody_elses(service: ConversationService, aws: Aws) -> None:
    (mine,) = made(service, 1)
    with pytest.raises(NotFound):
        service.change("user-2", mine, {"pinned": True})
    assert service.get(USER, mine)["pinned"] is False
    assert service.list_conversations("user-2", {})["data"] == []


@pytest.mark.parametrize("given", ["yes", 1, None, [True]])
def test_a_pin_is_true_or_false(given: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        schemas.check("conversation_change", {"pinned": given})
    assert refused.value.param == "pinned"
    assert "true or false" in str(refused.value)
