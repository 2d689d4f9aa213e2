"""Asking PostgreSQL for messages: with a login that is lent, and without waiting for a database that sleeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from foreverus.aws.data_api import Database
from foreverus.conversations.search.records import MessageFound, TextsFound, WhyTitlesAlone
from foreverus.results.search import MessageSearch


class DataApi:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def execute_statement(self, **request: Any) -> Any:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"records": answer}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "SQLState: 28P01"}}, "ExecuteStatement")


def searching(api: DataApi, at: list[datetime], logins: list[str]) -> MessageSearch:
    def login() -> Database:
        logins.append(f"secret {len(logins)}")
        return Database(api, "cluster", logins[-1], "db", pause=lambda s: pytest.fail("it waited"), tries=0)

    return MessageSearch(login, lambda: at[0])


def test_what_is_found_comes_with_the_stems() -> None:
    row = [{"stringValue": one} for one in ("conv_1", "msg_1", "mar agu")]
    api = DataApi([row], [])
    search = searching(api, [datetime(2026, 1, 1, tzinfo=UTC)], [])
    assert search.search("ana", "mar \0", "", 21) == TextsFound((MessageFound("conv_1", "msg_1"),), ("mar", "agu"))
    values = {one["name"]: next(iter(one["value"].values())) for one in api.asked[0]["parameters"]}
    assert values == {"person": "ana", "given": "mar \ufffd", "before": "", "most": 21}
    assert search.search("ana", "mar", "conv_1", 21) == TextsFound()


def test_a_database_that_sleeps_is_woken_and_not_waited_for() -> None:
    search = searching(DataApi(refused("DatabaseResumingException")), [datetime(2026, 1, 1, tzinfo=UTC)], [])
    assert search.search("ana", "mar", "", 21).why is WhyTitlesAlone.WAKING


@pytest.mark.parametrize(
    "error", [refused("DatabaseErrorException"), refused("AccessDenied"), ReadTimeoutError(endpoint_url="x")]
)
def test_after_any_other_error_somebody_logs_in_anew(error: Exception) -> None:
    logins: list[str] = []
    search = searching(DataApi(error, []), [datetime(2026, 1, 1, tzinfo=UTC)], logins)
    assert search.search("ana", "mar", "", 21).why is WhyTitlesAlone.UNAVAILABLE
    assert search.search("ana", "mar", "", 21).why is None
    assert logins == ["secret 0", "secret 1"]


def test_a_login_serves_many_searches_and_not_longer_than_it_is_lent() -> None:
    at, logins = [datetime(2026, 1, 1, tzinfo=UTC)], list[str]()
    api = DataApi([], [], [])
    search = searching(api, at, logins)
    search.search("ana", "mar", "", 21)
    at[0] += timedelta(minutes=14)
    search.search("ana", "mar", "", 21)
    assert len(logins) == 1
    at[0] += timedelta(minutes=2)
    search.search("ana", "mar", "", 21)
    assert [one["secretArn"] for one in api.asked] == ["secret 0", "secret 0", "secret 1"]
