from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.idempotency.records import KEY_KEPT_S, RETRY_WITHIN_S, CreateRequest, fingerprint


def asked(attempt: RequestAttempt, content: str = "a", user: str = "ana", scope: str = "batches") -> CreateRequest:
    return CreateRequest(user, scope, fingerprint({"content": content}), attempt)


def test_who_neither_sends_a_key_nor_counts_cannot_repeat() -> None:
    assert asked(NOT_REPEATED).item_key is None


def test_a_key_is_one_persons_for_one_route_whatever_comes_with_it() -> None:
    key = asked(RequestAttempt("k")).item_key
    assert key == asked(RequestAttempt("k", 3), content="b").item_key
    others = [
        asked(RequestAttempt("k"), user="bia"),
        asked(RequestAttempt("k"), scope="files"),
        asked(RequestAttempt("K")),
    ]
    assert len({str(one.item_key) for one in [*others, asked(RequestAttempt("k"))]}) == 4
    assert asked(RequestAttempt("k")).kept_s == KEY_KEPT_S


def test_a_retry_is_known_by_all_that_it_asks_for() -> None:
    first, retry = asked(RequestAttempt(retry=0)), asked(RequestAttempt(retry=2))
    assert first.item_key == retry.item_key
    assert (first.is_certainly_new, retry.is_certainly_new) == (True, False)
    assert asked(RequestAttempt(retry=2), content="b").item_key != first.item_key
    assert asked(RequestAttempt(retry=2), user="bia").item_key != first.item_key
    assert first.kept_s == RETRY_WITHIN_S


def test_no_key_that_somebody_chooses_is_a_retrys() -> None:
    retry = asked(RequestAttempt(retry=1))
    assert asked(RequestAttempt(retry.fingerprint)).item_key != retry.item_key


def test_a_fingerprint_is_of_content_and_data_not_of_their_border() -> None:
    found = {
        fingerprint({"a": "x"}, b"y"),
        fingerprint({"a": "xy"}),
        fingerprint({"a": "x"}, b""),
        fingerprint({}, b"y"),
    }
    assert len(found) == 4
