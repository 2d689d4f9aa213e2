"""With the credentials that functions have in the deployed stack: what of PostgreSQL and its passwords each gets to."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import history
from local.cloud import Cloud
from tests.local.sessions import invoke
from tests.local.test_authorization import as_role

pytestmark = pytest.mark.cloud

STORE, ERASE, MIGRATE = "StoreResultsFunction", "ErasePeopleFunction", "MigrateDatabaseFunction"
SEARCH = "SearchMessagesFunction"


def client_of(cloud: Cloud, function: str, service: str) -> Any:
    found = cloud.emulator.client("cloudformation").describe_stack_resource(
        StackName=cloud.outputs["stack_name"], LogicalResourceId=f"{function}Role"
    )
    return as_role(cloud.emulator, found["StackResourceDetail"]["PhysicalResourceId"], service)


def environment(cloud: Cloud, function: str) -> dict[str, str]:
    name = cloud.emulator.client("cloudformation").describe_stack_resource(
        StackName=cloud.outputs["stack_name"], LogicalResourceId=function
    )["StackResourceDetail"]["PhysicalResourceId"]
    found = cloud.emulator.client("lambda").get_function_configuration(FunctionName=name)
    return dict(found["Environment"]["Variables"])


def ask(cloud: Cloud, function: str, sql: str, secret: str) -> list[list[Any]]:
    given = environment(cloud, function)
    records = client_of(cloud, function, "rds-data").execute_statement(
        resourceArn=given["DATABASE_CLUSTER_ARN"], secretArn=secret, database=given["DATABASE_NAME"], sql=sql
    )["records"]
    return [[next(iter(field.values())) for field in record] for record in records]


def denied(call: Any, **request: Any) -> bool:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return "AccessDenied" in refused.value.response["Error"]["Code"]


def secret_names(cloud: Cloud) -> list[str]:
    pages = cloud.emulator.client("secretsmanager").get_paginator("list_secrets").paginate()
    return [one["Name"] for page in pages for one in page["SecretList"]]


def test_the_stack_keeps_one_secret_and_it_is_not_the_masters(cloud: Cloud) -> None:
    (name,) = [one for one in secret_names(cloud) if "/lent/" not in one]  # somebody may have searched just now
    kept = cloud.emulator.client("secretsmanager").get_secret_value(SecretId=name)
    assert json.loads(kept["SecretString"])["username"] == "foreverus_results"
    assert kept["ARN"] == environment(cloud, STORE)["DATABASE_SECRET_ARN"]


def test_who_keeps_results_is_its_role_and_gets_to_be_no_other(cloud: Cloud) -> None:
    secret = environment(cloud, STORE)["DATABASE_SECRET_ARN"]
    assert ask(cloud, STORE, "SELECT session_user, current_user", secret) == [["foreverus_results"] * 2]
    assert ask(cloud, STORE, "SELECT * FROM conversations", secret) == [], "nobody is named"
    history.rows(cloud, "INSERT INTO users (user_id) VALUES ('somebody') ON CONFLICT DO NOTHING")
    assert ask(cloud, STORE, "SELECT * FROM users", secret) == []
    for sql in ("SET ROLE foreverus", "SET ROLE foreverus_eraser", "CREATE TABLE mine (a int)", "DELETE FROM users"):
        with pytest.raises(ClientError, match="SQLState: 42501"):
            ask(cloud, STORE, sql, secret)


@pytest.mark.parametrize("login", ["master", "eraser"])
def test_who_keeps_results_finds_no_other_password_and_lends_itself_none(cloud: Cloud, login: str) -> None:
    name = f"/{cloud.outputs['stack_name']}/database/{login}"
    assert denied(client_of(cloud, STORE, "ssm").get_parameter, Name=name, WithDecryption=True)
    lent = f"{cloud.outputs['stack_name']}/lent/{'migrate' if login == 'master' else 'erase'}_1"
    secrets = client_of(cloud, STORE, "secretsmanager")
    assert denied(secrets.create_secret, Name=lent, SecretString="{}")
    assert denied(secrets.get_secret_value, SecretId=lent)


def test_who_erases_people_gets_to_the_erasers_password_alone(cloud: Cloud) -> None:
    folder, ssm = environment(cloud, ERASE)["DATABASE_PASSWORDS"], client_of(cloud, ERASE, "ssm")
    assert ssm.get_parameter(Name=f"{folder}/eraser", WithDecryption=True)["Parameter"]["Type"] == "SecureString"
    assert denied(ssm.get_parameter, Name=f"{folder}/master", WithDecryption=True)
    secrets = client_of(cloud, ERASE, "secretsmanager")
    assert denied(secrets.get_secret_value, SecretId=environment(cloud, STORE)["DATABASE_SECRET_ARN"])
    assert denied(secrets.create_secret, Name=f"{environment(cloud, MIGRATE)['LENT_SECRETS']}_1", SecretString="{}")
    assert "DATABASE_SECRET_ARN" not in environment(cloud, ERASE)


def test_who_searches_asks_its_one_question_and_gets_to_no_other_password(cloud: Cloud) -> None:
    given = {"user_id": "somebody", "words": "fotossíntese", "before": "", "most": 21}
    assert invoke(cloud, SEARCH, given) == {"hits": [], "stems": [], "why": None}
    folder, ssm = environment(cloud, SEARCH)["DATABASE_PASSWORDS"], client_of(cloud, SEARCH, "ssm")
    for login in ("master", "eraser"):
        assert denied(ssm.get_parameter, Name=f"{folder}/{login}", WithDecryption=True)
    for function in (STORE, ERASE, "ApiFunction"):
        assert denied(client_of(cloud, function, "ssm").get_parameter, Name=f"{folder}/searcher", WithDecryption=True)
    secrets = client_of(cloud, SEARCH, "secretsmanager")
    assert denied(secrets.get_secret_value, SecretId=environment(cloud, STORE)["DATABASE_SECRET_ARN"])
    assert denied(secrets.create_secret, Name=f"{environment(cloud, MIGRATE)['LENT_SECRETS']}_1", SecretString="{}")
    lent = [name for name in secret_names(cloud) if "/lent/search_" in name]
    assert len(lent) == 1, "one for as long as the function lives; the sweep deletes it"
    arn = cloud.emulator.client("secretsmanager").describe_secret(SecretId=lent[0])["ARN"]
    for sql in (
        "SELECT * FROM messages",
        "SELECT * FROM users",
        "SET ROLE foreverus_results",
        "CREATE TABLE mine (a int)",
    ):
        with pytest.raises(ClientError, match="SQLState: 42501"):
            ask(cloud, SEARCH, sql, arn)


def test_who_makes_passwords_and_who_sweeps_read_none(cloud: Cloud) -> None:
    folder = environment(cloud, ERASE)["DATABASE_PASSWORDS"]
    assert denied(client_of(cloud, "MakePasswordsFunction", "ssm").get_parameter, Name=f"{folder}/master")
    assert denied(client_of(cloud, "SweepFunction", "ssm").get_parameter, Name=f"{folder}/master")
    sweeping = client_of(cloud, "SweepFunction", "secretsmanager")
    kept = environment(cloud, STORE)["DATABASE_SECRET_ARN"]
    assert denied(sweeping.get_secret_value, SecretId=kept)
    assert denied(sweeping.delete_secret, SecretId=kept, ForceDeleteWithoutRecovery=True)


def test_a_secret_that_a_crash_left_is_swept(cloud: Cloud) -> None:
    name = f"{environment(cloud, MIGRATE)['LENT_SECRETS']}_left"
    client_of(cloud, MIGRATE, "secretsmanager").create_secret(Name=name, SecretString="{}")
    note = {"pk": {"S": "LENT_SECRETS"}, "sk": {"S": name}, "until": {"S": "2026-01-01T00:00:00.000Z"}}
    client_of(cloud, MIGRATE, "dynamodb").put_item(TableName=cloud.stack["TableName"], Item=note)
    assert name in secret_names(cloud)
    assert f"{name} deleted" in invoke(cloud, "SweepFunction", {})["secrets left over"]
    assert name not in secret_names(cloud)
