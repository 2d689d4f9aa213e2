"""`foreverus key`: through the API, and by the AWS credentials of whoever owns the account."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus.access import owner as access_owner
from foreverus.access.store import ApiKeyStore
from foreverus.aws import account as aws_account
from foreverus.aws.account import Account, CannotLook
from foreverus.cli.argument_types import expiry
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import LOST, RESET, Server, api_key, error
from tests.unit.conftest import Aws


def test_create_prints_the_key_and_nothing_else_on_the_standard_output(server: Server, shell: Shell) -> None:
    assert shell.run("create", "café no laptop", group="key") == 0
    assert shell.out == "fu_" + "k" * 43 + "\n"
    assert "key_1, shown this once" in shell.err
    assert server.api_keys["key_1"]["name"] == "café no laptop"
    assert (
        shell.run("create", "b", "--can-create-keys", "--expires", "2027-01-31T00:00:00Z", "--json", group="key") == 0
    )
    made = json.loads(shell.out)
    assert (made["can_create_keys"], made["expires_at"]) == (True, "2027-01-31T00:00:00Z")


@pytest.mark.parametrize(("given", "span"), [("30d", timedelta(days=30)), ("12h", timedelta(hours=12))])
def test_days_and_hours_are_reckoned_from_now(given: str, span: timedelta) -> None:
    before = datetime.now(UTC) + span - timedelta(seconds=1)
    assert before <= datetime.fromisoformat(expiry(given)) <= datetime.now(UTC) + span


@pytest.mark.parametrize("given", ["2027-01-31T00:00:00Z", "tomorrow", "0d", "30D", "٣d"])
def test_all_else_is_the_apis_to_judge(given: str) -> None:
    assert expiry(given) == given


@pytest.mark.parametrize("failure", [LOST, RESET, (503, {})])
def test_a_key_that_may_have_been_made_is_not_made_again(
    server: Server, shell: Shell, failure: str | tuple[int, Any]
) -> None:
    server.fail_next("POST /keys", failure)
    assert shell.run("create", "laptop", group="key") == 1
    assert server.counts()["POST /keys"] == 1
    assert "foreverus key list" in shell.err
    assert shell.out == ""


def test_a_refusal_is_told(server: Server, shell: Shell) -> None:
    server.fail_next("POST /keys", error(409, "You have 20 API keys, …", code="too_many_keys"))
    assert shell.run("create", "laptop", group="key") == 1
    assert "You have 20 API keys" in shell.err and "too_many_keys" in shell.err


def test_list_shows_what_tells_keys_apart(server: Server, shell: Shell) -> None:
    assert shell.run("list", group="key") == 0
    assert (shell.out, shell.err) == ("", "There are no keys.\n")
    server.api_keys["key_1"] = api_key("key_1", name="odd \x1b[31m name", can_create_keys=True)
    server.api_keys["key_2"] = api_key(
        "key_2", last_used_at="2026-02-01T09:00:00.000Z", expires_at="2027-01-31T00:00:00.000Z"
    )
    assert shell.run("list", group="key") == 0
    heading, newest, oldest = shell.out.splitlines()
    assert re.split(r"  +", heading) == ["ID", "NAME", "ENDS IN", "CREATED", "LAST USED", "EXPIRES", "MAKES KEYS"]
    assert re.split(r"  +", newest) == [
        *("key_2", "laptop", "…kkkk", "2026-01-01 12:00", "2026-02-01 09:00", "2027-01-31 00:00", "no")
    ]
    assert "\x1b" not in oldest and oldest.endswith("yes") and oldest.count("never") == 2
    assert shell.run("list", "--json", group="key") == 0
    assert [one["id"] for one in json.loads(shell.out)["data"]] == ["key_2", "key_1"]


def test_revoke_says_how_long_it_takes(server: Server, shell: Shell) -> None:
    server.api_keys["key_1"] = api_key("key_1")
    assert shell.run("revoke", "key_1", group="key") == 0
    assert (shell.out, server.api_keys) == ("key_1 revoked\n", {})
    assert "60 seconds" in shell.err
    assert shell.run("revoke", "key_1", group="key") == 1
    assert "404" in shell.err


def test_a_revocation_whose_answer_was_lost_is_done(server: Server, shell: Shell) -> None:
    server.api_keys["key_1"] = api_key("key_1")
    server.fail_next("DELETE /keys/key_1", LOST)
    assert shell.run("revoke", "key_1", group="key") == 0
    assert server.counts()["DELETE /keys/key_1"] == 2


def test_a_key_in_place_of_its_id_is_not_sent(server: Server, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("fu_" + "k" * 43, "../conversations"):
        with pytest.raises(SystemExit):
            shell.run("revoke", wrong, group="key")
    said = capsys.readouterr().err
    assert "this is a key itself" in said and "kkkk" not in said
    assert not server.requests


# By AWS credentials. moto keeps the stack's outputs, its people and its table.

TEMPLATE = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
}


@pytest.fixture
def stack(aws: Aws, monkeypatch: pytest.MonkeyPatch, shell: Shell) -> Iterator[Aws]:
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="foreverus", UsernameAttributes=["email"])["UserPool"]["Id"]
    for name in ("ana@example.com", "bia@example.com"):
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    socket_url = "wss://ws12345678.execute-api.us-east-1.amazonaws.com/v1"
    outputs = {
        "UserPoolId": {"Value": pool},
        "KeysTableName": {"Value": aws.api_keys.name},
        "TableName": {"Value": aws.items.name},
        "WebSocketUrl": {"Value": socket_url},
    }
    cloudformation = boto3.client("cloudformation")
    for name, shown in (("foreverus", outputs), ("older", {"UserPoolId": outputs["UserPoolId"]})):
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({**TEMPLATE, "Outputs": shown}))
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    monkeypatch.setattr(aws_account, "own_account", lambda region: Account(session))
    yield aws


def test_the_owner_of_the_account_makes_the_first_key(stack: Aws, shell: Shell, server: Server) -> None:
    whose = ("--user", "ana@example.com")
    assert shell.run("create", "first", "--can-create-keys", *whose, group="key", bare=True) == 0
    found = ApiKeyStore(stack.api_keys).find(shell.out.strip())
    assert found and found.can_create_keys
    sub = boto3.client("cognito-idp").admin_get_user(
        UserPoolId=boto3.client("cognito-idp").list_user_pools(MaxResults=1)["UserPools"][0]["Id"],
        Username="ana@example.com",
    )["UserAttributes"]
    assert found.user_id == next(one["Value"] for one in sub if one["Name"] == "sub")

    assert shell.run("list", *whose, group="key", bare=True) == 0
    assert found.key_id in shell.out
    assert shell.run("list", "--user", "bia@example.com", group="key", bare=True) == 0
    assert shell.out == ""
    assert shell.run("revoke", found.key_id, "--user", "bia@example.com", group="key", bare=True) == 1
    assert shell.run("revoke", found.key_id, *whose, group="key", bare=True) == 0
    assert ApiKeyStore(stack.api_keys).newest(found.user_id, 20) == []
    assert not server.requests


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--user", "eva@example.com"], 1, "invite them first"),
        (["--user", "ana@example.com", "--stack", "elsewhere"], 1, "There is no stack elsewhere in us-east-1"),
        (["--user", "ana@example.com", "--stack", "older"], 1, "has no KeysTableName"),
        (["--user", "ana@example.com", "--expires", "2020-01-01T00:00:00Z"], 1, "expires_at"),
        (["--user", "ana@example.com", "--expires", "soon"], 1, "expires_at"),
        (["--user", "ana@example.com", "--api-key-file", "k"], 2, "leave out --url and --api-key-file"),
    ],
)
def test_what_stands_in_the_way_is_said(stack: Aws, shell: Shell, words: list[str], status: int, said: str) -> None:
    assert shell.run("create", "first", *words, group="key", bare=True) == status
    assert said in shell.err
    assert shell.out == ""


def test_a_blank_name_is_refused_as_the_api_refuses_it(stack: Aws, shell: Shell) -> None:
    assert shell.run("create", " \u3000", "--user", "ana@example.com", group="key", bare=True) == 1
    assert "blank" in shell.err


def test_what_aws_denies_is_told(stack: Aws, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Denied:
        def __init__(self, client: object, name: str) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            error = {"Code": "AccessDeniedException", "Message": "User: eva is not authorized"}
            raise ClientError({"Error": error}, "TransactWriteItems")  # type: ignore[typeddict-item]

    monkeypatch.setattr(access_owner, "Table", Denied)
    for words in (["create", "first"], ["list"], ["revoke", "key_1"]):
        assert shell.run(*words, "--user", "ana@example.com", group="key", bare=True) == 1
        assert "AccessDeniedException: User: eva is not authorized" in shell.err


def test_without_boto3_one_line_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(region: str | None) -> Account:
        raise CannotLook("AWS", "boto3 is not installed", "pip install boto3")

    monkeypatch.setattr(aws_account, "own_account", missing)
    assert shell.run("list", "--user", "ana@example.com", group="key", bare=True) == 2
    assert "pip install boto3" in shell.err
