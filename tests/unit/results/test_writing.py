"""One refused row costs no other one its place; a database that is away costs none."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus.aws.data_api import Database
from foreverus.results.writing import RowWriter

NUMBERS = "DatabaseErrorException", "ERROR: invalid byte sequence; SQLState: 22021"
FOREIGN = "DatabaseErrorException", "ERROR: violates foreign key; SQLState: 23503"
UNSAID = "BadRequestException", "a parameter is wrong"
REFUSALS = [NUMBERS, FOREIGN, UNSAID, ("ValidationException", "no"), ("413", "")]
AWAY = [
    ("DatabaseErrorException", "ERROR: relation is not there; SQLState: 42P01"),
    ("DatabaseErrorException", "ERROR: shutting down; SQLState: 57P01"),
    ("DatabaseErrorException", "FATAL: too many connections; SQLState: 53300"),
    ("DatabaseUnavailableException", ""),
    ("InternalServerErrorException", ""),
    ("StatementTimeoutException", ""),
    ("AccessDeniedException", ""),
]


class PickyDataApi:
    """Refuses each batch with one of the `poison` ids in it; `down`: everything."""

    def __init__(self, poison: set[str], error: tuple[str, str], *, down: bool = False) -> None:
        self.poison, self.error, self.down = poison, error, down
        self.kept: set[str] = set()
        self.written: set[str] = set()

    def _fail(self) -> None:
        raise ClientError({"Error": {"Code": self.error[0], "Message": self.error[1]}}, "BatchExecuteStatement")

    def execute_statement(self, **request: Any) -> dict[str, Any]:
        if self.down:
            self._fail()
        return {"records": []}

    def begin_transaction(self, **request: Any) -> dict[str, Any]:
        if self.down:
            self._fail()
        return {"transactionId": "1"}

    def commit_transaction(self, **request: Any) -> None:
        self.kept |= self.written

    def rollback_transaction(self, **request: Any) -> None:
        self.written = set()

    def batch_execute_statement(self, parameterSets: list[list[Any]], **request: Any) -> dict[str, Any]:
        ids = {fields[0]["value"]["stringValue"] for fields in parameterSets}
        if self.down or ids & self.poison:
            self._fail()
        self.written = ids
        return {}


def writer(client: PickyDataApi) -> RowWriter:
    return RowWriter(Database(client, "arn:cluster", "arn:secret", "foreverus", pause=lambda _: None))


ROWS = [{"message_id": f"msg_{number}"} for number in range(250)]
IDS = {row["message_id"] for row in ROWS}


@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize("poison", [{"msg_0"}, {"msg_199", "msg_200"}, {"msg_3", "msg_4", "msg_249"}, IDS])
def test_everything_but_the_refused_rows_is_written(poison: set[str], error: tuple[str, str]) -> None:
    client = PickyDataApi(poison, error)
    to = writer(client)
    to.write("messages", "message_id", ROWS)
    assert client.kept == IDS - poison
    assert {row.key for row in to.refused} == poison
    assert all(error[0] in row.error and "byte sequence" not in row.error for row in to.refused)


@pytest.mark.parametrize("error", AWAY)
def test_a_database_that_is_away_is_no_reason_to_set_a_row_aside(error: tuple[str, str]) -> None:
    to = writer(PickyDataApi(set(), error, down=True))
    with pytest.raises(ClientError):
        to.write("messages", "message_id", ROWS)
    assert to.refused == []


def test_a_request_error_of_everything_is_the_clusters_and_not_a_rows() -> None:
    to = writer(PickyDataApi(set(), ("BadRequestException", "HttpEndpoint is not enabled"), down=True))
    with pytest.raises(ClientError, match="HttpEndpoint"):
        to.write("messages", "message_id", ROWS)
    assert to.refused == []


def test_a_record_that_cannot_be_read_is_set_aside() -> None:
    to = writer(PickyDataApi(set(), UNSAID))

    def broken() -> list[dict[str, str]]:
        raise KeyError("content")

    assert to.read("messages", "msg_1", broken) == []
    assert [(row.table, row.key) for row in to.refused] == [("messages", "msg_1")]
