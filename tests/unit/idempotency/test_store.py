"""The table and its twin behave alike."""

from datetime import timedelta

import pytest

from foreverus.api.requests import RequestAttempt
from foreverus.errors import Conflict, InvalidRequest
from foreverus.idempotency.records import KEY_KEPT_S, RETRY_WITHIN_S, CreateRequest, IdClaim
from foreverus.idempotency.store import Claims, ClaimStore, MemoryClaims, Once
from tests.unit.conftest import NOW, Aws


@pytest.fixture(params=["dynamodb", "memory"])
def claims(request: pytest.FixtureRequest, aws: Aws) -> Claims:
    return ClaimStore(aws.items) if request.param == "dynamodb" else MemoryClaims()


def asked(key: str = "", retry: int | None = None, fingerprint: str = "f1") -> CreateRequest:
    return CreateRequest("ana", "batches", fingerprint, RequestAttempt(key, retry))


FIRST, AGAIN = IdClaim("b1", is_first=True), IdClaim("b1", is_first=False)


def test_a_key_leads_to_the_first_requests_id(claims: Claims) -> None:
    assert claims.claim(asked("k"), "b1", NOW) == FIRST
    assert claims.claim(asked("k", retry=0), "b2", NOW) == AGAIN
    assert claims.claim(asked("other"), "b3", NOW) == IdClaim("b3", is_first=True)


def test_a_key_with_another_request_is_refused_by_name(claims: Claims) -> None:
    claims.claim(asked("k\u2028" + "x" * 99), "b1", NOW)
    with pytest.raises(Conflict) as caught:
        claims.claim(asked("k\u2028" + "x" * 99, fingerprint="f2"), "b2", NOW)
    assert (caught.value.status, caught.value.reason) == (409, "idempotency_key_reused")
    assert "'k\\u2028xxx" in caught.value.message


def test_a_key_is_free_again_after_a_day_though_its_item_is_still_there(claims: Claims) -> None:
    claims.claim(asked("k"), "b1", NOW)
    late = NOW + timedelta(seconds=KEY_KEPT_S)
    assert claims.claim(asked("k", fingerprint="f2"), "b2", late) == IdClaim("b2", is_first=True)


def test_a_clients_retry_is_its_newest_first_try(claims: Claims) -> None:
    assert claims.claim(asked(retry=0), "b0", NOW) == IdClaim("b0", is_first=True)
    assert claims.claim(asked(retry=0), "b1", NOW) == FIRST, "asked for twice on purpose"
    assert claims.claim(asked(retry=1), "b2", NOW) == AGAIN
    assert claims.claim(asked(retry=2), "b3", NOW) == AGAIN
    assert claims.claim(asked(retry=1, fingerprint="f2"), "b4", NOW) == IdClaim("b4", is_first=True)


def test_a_retry_whose_first_try_never_arrived_is_the_first(claims: Claims) -> None:
    assert claims.claim(asked(retry=1), "b1", NOW) == FIRST
    assert claims.claim(asked(retry=2), "b2", NOW) == AGAIN


def test_no_client_tries_again_so_late(claims: Claims) -> None:
    claims.claim(asked(retry=0), "b1", NOW)
    in_time = NOW + timedelta(seconds=RETRY_WITHIN_S - 1)
    assert claims.claim(asked(retry=1), "b2", in_time) == AGAIN
    assert claims.claim(asked(retry=1), "b3", in_time + timedelta(seconds=1)) == IdClaim("b3", is_first=True)


def test_what_was_refused_leaves_its_key_free(claims: Claims) -> None:
    once = Once(claims, lambda: NOW)
    with pytest.raises(InvalidRequest), once(asked("k"), "batch"):
        raise InvalidRequest("no such file")
    with once(asked("k", fingerprint="f2"), "batch") as claim:
        assert claim.is_first
        assert claim.id.startswith("batch_")


def test_a_repetition_that_is_refused_does_not_free_the_firsts_key(claims: Claims) -> None:
    once = Once(claims, lambda: NOW)
    with once(asked("k"), "batch") as first:
        pass
    with pytest.raises(InvalidRequest), once(asked("k"), "batch"):
        raise InvalidRequest("the file is gone by now")
    with once(asked("k"), "batch") as again:
        assert again == IdClaim(first.id, is_first=False)


def test_a_try_that_broke_off_keeps_its_id_for_the_next(claims: Claims) -> None:
    once = Once(claims, lambda: NOW)
    with pytest.raises(ConnectionError), once(asked("k"), "batch") as first:
        raise ConnectionError
    with once(asked("k"), "batch") as again:
        assert again == IdClaim(first.id, is_first=False)


@pytest.mark.parametrize("name", ["batch_id", "message_id"])
def test_a_key_that_an_earlier_version_remembers_still_counts(aws: Aws, name: str) -> None:
    request = asked("k")
    aws.put(**(request.item_key or {}), **{name: "b1"}, expires_at=int(NOW.timestamp()) + 60)
    assert ClaimStore(aws.items).claim(request, "b2", NOW) == AGAIN
