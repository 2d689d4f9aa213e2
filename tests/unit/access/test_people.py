"""How often Cognito is asked whether somebody is still there."""

from datetime import datetime, timedelta

import pytest

from foreverus.access import people as people_module
from foreverus.access.people import LOOK_EVERY_S, People
from foreverus.access.records import REVOKED_WITHIN_SECONDS
from tests.unit.conftest import NOW


class Directory:
    def __init__(self) -> None:
        self.active = {"ana": True, "eva": False}
        self.asked: list[str] = []
        self.fails = False

    def is_active(self, user_id: str) -> bool:
        self.asked.append(user_id)
        if self.fails:
            raise OSError("no answer")
        return self.active[user_id]


class At:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_each_person_is_asked_for_once_in_half_a_minute() -> None:
    directory, at = Directory(), At()
    people = People(directory, at)
    for _ in range(20):
        assert people.is_active("ana")
        assert not people.is_active("eva")
    assert sorted(directory.asked) == ["ana", "eva"]
    directory.active["ana"] = False
    at.now += timedelta(seconds=LOOK_EVERY_S - 0.001)
    assert people.is_active("ana")
    at.now += timedelta(seconds=0.001)
    assert not people.is_active("ana")


def test_a_look_asks_now_and_is_remembered() -> None:
    directory = Directory()
    people = People(directory, At())
    assert people.is_active("ana")
    directory.active["ana"] = False
    assert not people.look("ana")
    assert not people.is_active("ana")
    assert directory.asked == ["ana", "ana"]


def test_an_outage_is_remembered_of_nobody() -> None:
    directory = Directory()
    people = People(directory, At())
    directory.fails = True
    with pytest.raises(OSError):
        people.is_active("ana")
    directory.fails = False
    assert people.is_active("ana")


def test_a_clock_that_was_set_back_keeps_nobody_in() -> None:
    directory, at = Directory(), At()
    people = People(directory, at)
    assert people.is_active("ana")
    directory.active["ana"] = False
    at.now -= timedelta(days=1)
    assert not people.is_active("ana")


def test_a_process_remembers_so_many_people_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_module, "MOST_PEOPLE", 3)
    directory = Directory()
    directory.active = {f"p{number}": True for number in range(10)}
    people = People(directory, At())
    assert all(people.is_active(one) for one in directory.active)
    assert len(people._seen) <= 3


def test_the_gateway_and_the_authorizer_together_remember_for_a_minute() -> None:
    from tests.template.template import resources

    (api,) = resources("AWS::Serverless::Api").values()
    gateway = api["Auth"]["Authorizers"]["Authorize"]["Identity"]["ReauthorizeEvery"]
    assert gateway + LOOK_EVERY_S <= REVOKED_WITHIN_SECONDS
