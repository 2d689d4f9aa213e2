"""PostgreSQL through the RDS Data API: no connection to keep, no VPC for Lambdas."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from foreverus.errors import ForeverUsError

Params: TypeAlias = Mapping[str, object]

# Aurora at 0 ACU takes about 15 s to resume, 30 s after a day's pause, and says so with this error meanwhile; the SDK
# does not retry it.
RESUMING = frozenset({"DatabaseResumingException"})
# What a deployment waits for as well, because nobody retries it: a cluster whose writer is not there yet.
NOT_THERE_YET = RESUMING | {"DatabaseUnavailableException"}
# PostgreSQL's code for a wrong password. A deployment waits here too: RDS sets a cluster's new one in its own time.
WRONG_PASSWORD = "28P01"  # noqa: S105  # a code
RESUME_TRIES = 12
RESUME_PAUSE_S = 5.0

# PostgreSQL's classes of errors that are about the data of a statement: data exception, a constraint, a limit
# (https://www.postgresql.org/docs/current/errcodes-appendix.html). All others are about the database or the SQL.
DATA_ERRORS = frozenset({"22", "23", "54"})
# The Data API's own words for a request that it does not take; some of them are about the cluster and not the values.
REQUEST_ERRORS = frozenset({"BadRequestException", "ValidationException", "RequestEntityTooLargeException", "413"})
# The state has no field of its own in the Data API's answer: it stands at the end of the message.
_SQL_STATE = re.compile(r"SQLState: ([0-9A-Z]{5})")


class RowsRefused(ForeverUsError):
    """What was to be written is no data that PostgreSQL takes; the database itself is well. `reason`: the error's
    code and PostgreSQL's state, never the text of a row."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Asleep(ForeverUsError):
    """The database slept. The question has woken it: it answers in half a minute."""


class Unanswered(ForeverUsError):
    """The database could not be asked, or has refused."""


class Database:
    """As the secret's user, who has the rights that the migrations gave it."""

    def __init__(
        self,
        client: Any,
        cluster_arn: str,
        secret_arn: str,
        name: str,
        pause: Callable[[float], None] = time.sleep,
        tries: int = RESUME_TRIES,
    ):
        """`tries`: how often a statement is sent again while the cluster resumes."""
        self.client = client
        self.target = {"resourceArn": cluster_arn, "secretArn": secret_arn, "database": name}
        self.pause = pause
        self.tries = tries
        self.transaction_id: str | None = None

    def wait_until_available(self) -> None:
        """Asks for nothing, patiently. Raises the last error after a minute."""
        request = {"sql": "SELECT 1", "parameters": [], **self._within()}
        self._patiently(self.client.execute_statement, request, NOT_THERE_YET, WRONG_PASSWORD)

    @contextmanager
    def transaction(self, of: str = "") -> Iterator[None]:
        """All statements within, or none of them. `of`: the person whose rows they are, and nobody else's: PostgreSQL's
        row-level security shows and takes no others (migration 007)."""
        self.transaction_id = self._patiently(self.client.begin_transaction, self.target)["transactionId"]
        whose = {name: self.target[name] for name in ("resourceArn", "secretArn")}
        try:
            if of:
                self.execute("SELECT set_config('foreverus.user_id', :person, true)", {"person": of})
            yield
            self.client.commit_transaction(transactionId=self.transaction_id, **whose)
        except BaseException:
            self.client.rollback_transaction(transactionId=self.transaction_id, **whose)
            raise
        finally:
            self.transaction_id = None

    def execute(self, sql: str, params: Params | None = None) -> list[list[Any]]:
        """Runs one statement; returns its rows."""
        parameters = [to_parameter(name, value) for name, value in (params or {}).items()]
        request = {"sql": sql, "parameters": parameters, **self._within()}
        result = self._patiently(self.client.execute_statement, request)
        return [[from_field(field) for field in row] for row in result.get("records", [])]

    def ask(self, sql: str, params: Params) -> list[list[Any]]:
        """`execute` for who shows something else instead where there is no answer. Raises Asleep and Unanswered."""
        try:
            return self.execute(sql, params)
        except ClientError as err:
            raise (Asleep if err.response["Error"]["Code"] in RESUMING else Unanswered)(_reason(err)) from err
        except BotoCoreError as err:
            raise Unanswered(type(err).__name__) from err

    def execute_many(self, sql: str, rows: Sequence[Params]) -> None:
        """Runs one statement for every row; nothing for none. Raises RowsRefused when one of the rows is the reason
        that it fails, else ClientError."""
        if not rows:
            return
        sets = [[to_parameter(name, value) for name, value in row.items()] for row in rows]
        request = {"sql": sql, "parameterSets": sets, **self._within()}
        try:
            self._patiently(self.client.batch_execute_statement, request)
        except ParamValidationError as err:  # the SDK itself does not send such a value
            raise RowsRefused("ParamValidationError") from err
        except ClientError as err:
            if self._is_about_data(err):
                raise RowsRefused(_reason(err)) from err
            raise

    def _is_about_data(self, err: ClientError) -> bool:
        """Whether the statement's values, and not the database, are the reason. Where PostgreSQL itself has not said
        so, the database is asked whether it answers anything at all."""
        if state := _sql_state(err):
            return state[:2] in DATA_ERRORS
        if err.response["Error"]["Code"] not in REQUEST_ERRORS:
            return False
        # Not within the transaction: that one has failed with the statement.
        self._patiently(self.client.execute_statement, {"sql": "SELECT 1", **self.target})
        return True

    def _within(self) -> dict[str, str]:
        return {**self.target, "transactionId": self.transaction_id} if self.transaction_id else dict(self.target)

    def _patiently(
        self, call: Callable[..., Any], request: Params, errors: frozenset[str] = RESUMING, state: str = ""
    ) -> Any:
        """Again after these errors, and after PostgreSQL's `state`."""
        for _ in range(self.tries):
            try:
                return call(**request)
            except ClientError as err:
                is_state = bool(state) and state == _sql_state(err)
                if not is_state and err.response["Error"]["Code"] not in errors:
                    raise
                self.pause(RESUME_PAUSE_S)
        return call(**request)


def _sql_state(err: ClientError) -> str:
    """Empty where PostgreSQL has said nothing."""
    found = _SQL_STATE.search(err.response["Error"].get("Message", ""))
    return found[1] if found else ""


def _reason(err: ClientError) -> str:
    code, state = str(err.response["Error"]["Code"]), _sql_state(err)
    return f"{code}, SQLState {state}" if state else code


def to_parameter(name: str, value: Any) -> dict[str, Any]:
    """A Data API parameter; datetimes and decimals need a type hint.

    >>> to_parameter("n", 3)
    {'name': 'n', 'value': {'longValue': 3}}
    """
    if value is None:
        return {"name": name, "value": {"isNull": True}}
    if isinstance(value, bool):
        return {"name": name, "value": {"booleanValue": value}}
    if isinstance(value, int):
        return {"name": name, "value": {"longValue": value}}
    if isinstance(value, float | Decimal):
        return {"name": name, "value": {"stringValue": str(value)}, "typeHint": "DECIMAL"}
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        return {"name": name, "value": {"stringValue": text}, "typeHint": "TIMESTAMP"}
    return {"name": name, "value": {"stringValue": str(value)}}


def from_field(field: Mapping[str, Any]) -> Any:
    if field.get("isNull"):
        return None
    return next(iter(field.values()))
