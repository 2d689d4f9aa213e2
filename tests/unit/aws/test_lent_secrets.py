"""A secret that is lent: there while somebody works, gone afterwards, whatever happens."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus.aws import keys
from foreverus.aws.lent_secrets import LONGEST_LOAN, LentSecrets
from foreverus.sweeps.secrets import SecretsLeftOver
from foreverus.sweeps.sweep import sweep
from tests.unit.conftest import NOW, Aws


class Killed(BaseException):
    """The process ends: no `finally` of ours gets anything done after it."""


class Dying:
    """A client whose process ends before or after one call, and does nothing from then on."""

    def __init__(self, client: Any, operation: str, *, after: bool) -> None:
        self.client, self.operation, self.after, self.is_dead = client, operation, after, False
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.client, name)

        def made(**request: Any) -> Any:
            if self.is_dead:
                raise Killed
            if name != self.operation:
                return call(**request)
            if self.after:
                call(**request)
            self.is_dead = True
            raise Killed

        return made


def lent(aws: Aws, client: Any = None, now: datetime = NOW) -> LentSecrets:
    return LentSecrets(client or boto3.client("secretsmanager"), aws.items, lambda: now)


def names() -> list[str]:
    return [one["Name"] for one in boto3.client("secretsmanager").list_secrets()["SecretList"]]


def notes(aws: Aws) -> list[str]:
    return [item["sk"] for item in aws.items.query(keys.LENT_SECRETS)]


def test_it_is_a_login_as_the_data_api_reads_it_and_only_meanwhile(aws: Aws) -> None:
    with lent(aws).lend("foreverus/lent/test", "somebody", 'p"w') as arn:
        found = boto3.client("secretsmanager").get_secret_value(SecretId=arn)
        assert json.loads(found["SecretString"]) == {"username": "somebody", "password": 'p"w'}
        assert found["Name"].startswith("foreverus/lent/test_"), "as the role's policy has it"
        assert notes(aws) == names() == [found["Name"]]
        assert "p" + chr(34) + "w" not in str(list(aws.items.query(keys.LENT_SECRETS)))
        assert lent(aws, now=NOW + LONGEST_LOAN).overdue() == [], "not before its time is over"
    assert names() == notes(aws) == []


def test_two_at_a_time_have_one_each(aws: Aws) -> None:
    with lent(aws).lend("a", "u", "p") as first, lent(aws).lend("a", "u", "p") as second:
        assert first != second and len(names()) == 2
    assert names() == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whoever_fails_gives_it_back_and_keeps_their_error(aws: Aws, error: type[BaseException]) -> None:
    with pytest.raises(error, match="of the work"), lent(aws).lend("a", "u", "p"):
        raise error("of the work")
    assert names() == notes(aws) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("operation", ["create_secret", "delete_secret"])
def test_what_a_crash_leaves_is_swept_when_its_time_is_over(aws: Aws, operation: str, after: bool) -> None:
    dying = Dying(boto3.client("secretsmanager"), operation, after=after)
    with pytest.raises(Killed), lent(aws, dying).lend("a", "u", "p"):
        pass
    (name,) = notes(aws)
    assert names() == ([name] if after is (operation == "create_secret") else [])
    assert sweep({"secrets": SecretsLeftOver(lent(aws))}) == {"secrets": []}, "it may still be in use"
    later = lent(aws, now=NOW + LONGEST_LOAN + timedelta(seconds=1))
    assert sweep({"secrets": SecretsLeftOver(later)}) == {"secrets": [f"{name} deleted"]}
    assert names() == notes(aws) == []
    assert sweep({"secrets": SecretsLeftOver(later)}) == {"secrets": []}


def test_one_that_cannot_be_deleted_costs_the_work_nothing_and_is_swept(aws: Aws) -> None:
    monkeypatch = pytest.MonkeyPatch()
    client = boto3.client("secretsmanager")
    error = ClientError({"Error": {"Code": "InternalServiceError", "Message": ""}}, "DeleteSecret")
    with lent(aws, client).lend("a", "u", "p"):
        monkeypatch.setattr(client, "delete_secret", lambda **_: (_ for _ in ()).throw(error))
    assert names() == notes(aws) != []
    with pytest.raises(ClientError):
        lent(aws, client).take_back(names()[0])
    assert notes(aws) != [], "the note stays until the secret is gone"
    monkeypatch.undo()
    later = lent(aws, now=NOW + timedelta(days=1))
    sweep({"secrets": SecretsLeftOver(later)})
    assert names() == notes(aws) == []
