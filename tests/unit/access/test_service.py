"""Making, listing and revoking keys, against moto's DynamoDB."""

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.access.records import MOST_KEYS, Caller
from foreverus.access.service import KeyService, expiry
from foreverus.access.store import ApiKeyStore
from foreverus.api import schemas
from foreverus.aws.dynamo import Table
from foreverus.errors import Conflict, InvalidRequest, NotAllowed, NotAuthenticated, NotFound
from tests.unit.access.conftest import MemorySockets
from tests.unit.conftest import NOW, Aws

ANA = Caller(user_id="ana")
BIA = Caller(user_id="bia")
TOMORROW = ids.timestamp(NOW + timedelta(days=1))


def names(service: KeyService, user_id: str = "ana", **query: str) -> list[str]:
    return [one["name"] for one in service.list_keys(user_id, query)["data"]]  # type: ignore[attr-defined]


def test_a_key_is_shown_once_and_only_its_digest_is_kept_or_logged(
    service: KeyService, aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = service.create(ANA, {"name": "laptop"})
    secret = str(made.pop("key"))
    assert re.fullmatch(r"fu_[0-9A-Za-z]{43}", secret)  # 256 bits
    (listed,) = service.list_keys("ana", {})["data"]  # type: ignore[misc]
    assert listed == made == {
        "id": made["id"],
        "object": "api_key",
        "name": "laptop",
        "last_four": secret[-4:],
        "created_at": ids.timestamp(NOW),
        "last_used_at": None,
        "expires_at": None,
        "can_create_keys": False,
    }  # fmt: skip
    stored = json.dumps(aws.api_keys.client.scan(TableName=aws.api_keys.name)["Items"])
    assert secret not in stored and secret[3:40] not in stored
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("botocore", "moto"))]
    assert secret not in "".join(ours)


def test_no_two_keys_are_the_same(service: KeyService) -> None:
    assert len({service.create(Caller(user_id=str(n)), {"name": "a"})["key"] for n in range(50)}) == 50


def test_a_person_sees_and_revokes_their_own_keys_only(service: KeyService) -> None:
    ana, bia = service.create(ANA, {"name": "ana's"}), service.create(BIA, {"name": "bia's"})
    assert (names(service), names(service, "bia")) == (["ana's"], ["bia's"])
    with pytest.raises(NotFound) as refused:
        service.revoke("bia", str(ana["id"]))
    assert (refused.value.param, refused.value.reason) == ("key_id", "key_not_found")
    assert service.store.find(str(ana["key"])) and service.store.find(str(bia["key"]))


def test_a_revoked_key_is_nobodys_and_cannot_be_revoked_again(service: KeyService) -> None:
    made = service.create(ANA, {"name": "laptop"})
    assert service.revoke("ana", str(made["id"])) == {
        "id": made["id"],
        "object": "api_key.deleted",
        "deleted": True,
        "effective_within_seconds": 60,
    }
    assert service.store.find(str(made["key"])) is None
    assert names(service) == []
    with pytest.raises(NotFound):
        service.revoke("ana", str(made["id"]))


def test_a_key_in_place_of_its_id_is_not_repeated(service: KeyService, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = str(service.create(ANA, {"name": "laptop"})["key"])
    with pytest.raises(InvalidRequest) as refused:
        service.revoke("ana", secret)
    assert refused.value.param == "key_id"
    assert secret not in refused.value.message
    assert names(service) == ["laptop"]


def test_who_made_and_revoked_which_is_in_the_log(service: KeyService, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "foreverus")
    maker = came_with(service, can_create_keys=True)
    child = service.create(maker, {"name": "its child"})
    service.revoke("ana", str(child["id"]))
    said = [record.getMessage() for record in caplog.records if record.name.startswith("foreverus")]
    made = f"{maker.key_id} was made by a person", f"{child['id']} was made by {maker.key_id}"
    assert said == [*made, f"{child['id']} was revoked: 1 sockets of it were closed"]


@pytest.mark.parametrize("key_id", ["", "key_", "key_019b76daa8000000000000000001", "COUNT", "é" * 40])
def test_what_is_no_key_of_theirs_is_not_found(service: KeyService, key_id: str) -> None:
    service.create(ANA, {"name": "laptop"})
    with pytest.raises(NotFound):
        service.revoke("ana", key_id)
    assert names(service) == ["laptop"]


def test_a_key_that_is_revoked_just_now_ends_no_list_early(
    service: KeyService, store: ApiKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        KeyService(store, MemorySockets(), lambda n=n: NOW + timedelta(seconds=n)).create(ANA, {"name": f"{n}"})  # type: ignore[misc]
        for n in range(6)
    ]
    kept = [str(key["id"]) for key in reversed(made)]
    gone, read = kept.pop(1), Table.get_all

    def revoked_meanwhile(self: Table, wanted: Any) -> Any:
        monkeypatch.setattr(Table, "get_all", read)
        store.revoke("ana", gone)
        return read(self, wanted)

    monkeypatch.setattr(Table, "get_all", revoked_meanwhile)
    listed = service.list_keys("ana", {"limit": "4"})
    assert ([key["id"] for key in listed["data"]], listed["has_more"]) == (kept[:4], True)


def test_keys_are_listed_newest_first_and_by_pages(service: KeyService, store: ApiKeyStore) -> None:
    made = [
        KeyService(store, MemorySockets(), lambda n=n: NOW + timedelta(seconds=n)).create(ANA, {"name": f"{n}"})  # type: ignore[misc]
        for n in range(4)
    ]
    assert names(service) == ["3", "2", "1", "0"]
    assert names(service, limit="2") == ["3", "2"]
    assert names(service, limit="2", after=str(made[2]["id"])) == ["1", "0"]
    assert service.list_keys("ana", {"limit": "3"})["has_more"] is True
    with pytest.raises(InvalidRequest):
        service.list_keys("ana", {"after": "conv_" + "0" * 28})


def fill(service: KeyService, count: int = MOST_KEYS) -> list[str]:
    return [str(service.create(ANA, {"name": f"{n}"})["id"]) for n in range(count)]


def test_there_is_room_for_twenty_keys_and_again_after_a_revocation(service: KeyService) -> None:
    made = fill(service)
    with pytest.raises(Conflict) as refused:
        service.create(ANA, {"name": "one too many"})
    assert refused.value.reason == "too_many_keys"
    assert "20 API keys" in refused.value.message
    assert len(names(service, limit="100")) == MOST_KEYS
    service.create(BIA, {"name": "of another person"})
    service.revoke("ana", made[0])
    assert service.create(ANA, {"name": "in its place"})["key"]
    with pytest.raises(Conflict):
        service.create(ANA, {"name": "one too many"})


class Between:
    """A client of DynamoDB. Just before its next transaction is written, something else happens."""

    def __init__(self, client: Any, happens: Callable[[], object]) -> None:
        self.client = client
        self.happens: Callable[[], object] | None = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def transact_write_items(self, **request: Any) -> Any:
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return self.client.transact_write_items(**request)


def racing(aws: Aws, happens: Callable[[], object]) -> KeyService:
    store = ApiKeyStore(Table(Between(aws.api_keys.client, happens), aws.api_keys.name))
    return KeyService(store, MemorySockets(), lambda: NOW)


def test_of_two_creations_at_nineteen_keys_one_is_refused(service: KeyService, aws: Aws) -> None:
    fill(service, MOST_KEYS - 1)
    slower = racing(aws, lambda: service.create(ANA, {"name": "faster"}))
    with pytest.raises(Conflict):
        slower.create(ANA, {"name": "slower"})
    assert len(names(service, limit="100")) == MOST_KEYS
    assert "slower" not in names(service, limit="100")


def test_two_revocations_at_once_free_one_place(service: KeyService, aws: Aws) -> None:
    made = fill(service)
    slower = racing(aws, lambda: service.revoke("ana", made[0]))
    with pytest.raises(NotFound):
        slower.revoke("ana", made[0])
    service.create(ANA, {"name": "in its place"})
    with pytest.raises(Conflict):
        service.create(ANA, {"name": "one too many"})


def came_with(service: KeyService, **wish: Any) -> Caller:
    made = service.create(ANA, {"name": "maker", **wish})
    return Caller(user_id="ana", key_id=str(made["id"]), can_create_keys=bool(made["can_create_keys"]))


def test_a_key_makes_keys_only_if_it_was_made_for_that(service: KeyService) -> None:
    with pytest.raises(NotAllowed) as refused:
        service.create(came_with(service), {"name": "another"})
    assert refused.value.reason == "key_cannot_create_keys"
    assert service.create(came_with(service, can_create_keys=True), {"name": "another"})["can_create_keys"] is False


def test_what_the_authorizer_said_a_minute_ago_is_not_believed(service: KeyService) -> None:
    """A caller who says that it may, by a key that may not, or that is gone."""
    plain = came_with(service)
    for caller in (
        Caller(user_id="ana", key_id=plain.key_id, can_create_keys=True),
        Caller(user_id="ana", key_id="key_of_nobody", can_create_keys=True),
        Caller(user_id="bia", key_id=came_with(service, can_create_keys=True).key_id, can_create_keys=True),
    ):
        with pytest.raises(NotAuthenticated) as refused:
            service.create(caller, {"name": "another"})
        assert refused.value.reason == "invalid_api_key"


def test_a_key_that_is_revoked_meanwhile_makes_none(service: KeyService, aws: Aws) -> None:
    maker = came_with(service, can_create_keys=True)
    slower = racing(aws, lambda: service.revoke("ana", maker.key_id))
    with pytest.raises(NotAuthenticated):
        slower.create(maker, {"name": "its child"})
    assert names(service) == []
    assert len(fill(service)) == MOST_KEYS  # nothing was counted


def test_a_key_that_expires_does_not_live_on_in_its_children(service: KeyService) -> None:
    maker = came_with(service, can_create_keys=True, expires_at=TOMORROW)
    later = ids.timestamp(NOW + timedelta(days=1, milliseconds=1))
    for given in ({}, {"expires_at": None}, {"expires_at": later}):
        with pytest.raises(InvalidRequest) as refused:
            service.create(maker, {"name": "its child", **given})
        assert refused.value.param == "expires_at"
        assert TOMORROW in refused.value.message
    assert service.create(maker, {"name": "its child", "expires_at": TOMORROW})["expires_at"] == TOMORROW
    a_day_later = KeyService(service.store, MemorySockets(), lambda: NOW + timedelta(days=2))
    with pytest.raises(InvalidRequest):
        a_day_later.create(maker, {"name": "its child", "expires_at": TOMORROW})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("2026-01-01T12:00:00.001Z", "2026-01-01T12:00:00.001Z"),
        ("2026-01-01T12:01Z", "2026-01-01T12:01:00.000Z"),
        ("2027-01-31T00:00:00-03:00", "2027-01-31T03:00:00.000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
    ],
)
def test_an_expiry_is_kept_in_utc(given: str | None, kept: str | None) -> None:
    assert expiry(given, NOW) == kept


@pytest.mark.parametrize(
    "given",
    [
        *("2026-01-01T12:00:00Z", "2026-01-01T11:59:59.999Z", "2026-01-01T12:30:00+01:00", "0001-01-01T00:00:00+01:00"),
        *("", "tomorrow", "2027-01-31", "2027-01-31T00:00:00", "2027-02-30T00:00:00Z", "20270131T000000Z"),
        *("9999-12-31T23:59:59-01:00", "2027-W05-1T00:00:00Z", "٢٠٢٧-01-31T00:00:00Z", "2027-01-31T00:00:00+99:00"),
        *("2027-01-31T00:00:00Z\n", "1799999999"),
    ],
)
def test_an_expiry_that_is_over_or_no_time_is_refused_by_name(given: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        expiry(given, NOW)
    assert (refused.value.param, refused.value.reason) == ("expires_at", "invalid_field")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("{}", "name", "missing_field"),
        ('{"name": ""}', "name", "invalid_field"),
        ('{"name": " \\u200b\\u3000"}', "name", "invalid_field"),
        ('{"name": null}', "name", "invalid_field"),
        (json.dumps({"name": "x" * 101}), "name", "invalid_field"),
        ('{"name": "oi \\ud83d"}', "name", "invalid_json"),
        ('{"name": "a", "name": "b"}', None, "invalid_json"),
        ('{"name": "a", "can_create_keys": "yes"}', "can_create_keys", "invalid_field"),
        ('{"name": "a", "expires_at": 1799999999}', "expires_at", "invalid_field"),
        ('{"name": "a", "scopes": []}', "scopes", "unknown_field"),
    ],
)
def test_a_request_that_is_wrong_names_its_field(body: str, param: str | None, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        schemas.parse("key_create", body)
    assert refused.value.reason == code
    assert param is None or refused.value.param == param


def test_an_odd_name_is_kept_as_it_is(service: KeyService) -> None:
    odd = "café \u0000\n" + "é" * 90 + "😀"
    service.create(ANA, schemas.parse("key_create", json.dumps({"name": odd})))
    assert names(service) == [odd]


def test_revoking_a_key_closes_what_it_opened_and_nothing_else(service: KeyService, sockets: MemorySockets) -> None:
    made = service.create(ANA, {"name": "laptop"})
    assert sockets.closed == []
    service.revoke("ana", str(made["id"]))
    assert sockets.closed == [("ana", made["id"])]
    with pytest.raises(NotFound):
        service.revoke("ana", str(made["id"]))
    assert len(sockets.closed) == 1


def test_expired_keys_take_nobodys_place(service: KeyService) -> None:
    soon = ids.timestamp(NOW + timedelta(hours=1))
    for number in range(MOST_KEYS):
        service.create(ANA, {"name": f"k{number}", **({"expires_at": soon} if number % 2 else {})})
    with pytest.raises(Conflict):
        service.create(ANA, {"name": "one more"})
    later = KeyService(service.store, service.sockets, lambda: NOW + timedelta(hours=1))
    for number in range(MOST_KEYS // 2):
        later.create(ANA, {"name": f"new{number}"})
    with pytest.raises(Conflict):
        later.create(ANA, {"name": "one more"})
    left = names(later, limit="100")
    assert len(left) == MOST_KEYS and not {"k1", "k3"} & set(left)
