"""The Data API on a real PostgreSQL, as a stack's cluster uses it."""

import json
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, Emulator, client
from tests.cloud import policy, unique
from tests.local.machines import make_role

pytestmark = pytest.mark.cloud


def template(user: str, database: str) -> str:
    generated = {"SecretStringTemplate": json.dumps({"username": user}), "GenerateStringKey": "password"}
    secret = {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"GenerateSecretString": {**generated, "ExcludeCharacters": "/@\" \\'"}},
    }
    cluster = {
        "Type": "AWS::RDS::DBCluster",
        "Properties": {
            "Engine": "aurora-postgresql",
            "DatabaseName": database,
            "MasterUsername": user,
            "MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Master}:SecretString:password}}"},
            "EnableHttpEndpoint": True,
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0, "MaxCapacity": 1},
        },
    }
    instance = {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {
            "Engine": "aurora-postgresql",
            "DBClusterIdentifier": {"Ref": "Cluster"},
            "DBInstanceClass": "db.serverless",
        },
    }
    outputs = {
        "Cluster": {"Value": {"Fn::GetAtt": ["Cluster", "DBClusterArn"]}},
        "Secret": {"Value": {"Fn::GetAtt": ["Master", "Id"]}},
    }
    return json.dumps({"Resources": {"Master": secret, "Cluster": cluster, "Instance": instance}, "Outputs": outputs})


class Database:
    """A stack's cluster, and its Data API."""

    def __init__(self, emulator: Emulator) -> None:
        formation = emulator.client("cloudformation")
        self.emulator = emulator
        self.stack = unique("database")
        self.user, self.name = self.stack.replace("-", "_"), self.stack.replace("-", "_") + "_data"
        formation.create_stack(StackName=self.stack, TemplateBody=template(self.user, self.name))
        formation.get_waiter("stack_create_complete").wait(
            StackName=self.stack, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        (stack,) = formation.describe_stacks(StackName=self.stack)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        self.place = {"resourceArn": outputs["Cluster"], "secretArn": outputs["Secret"]}
        self.api = emulator.client("rds-data")

    def execute(self, sql: str, **values: Any) -> dict[str, Any]:
        request = {key: values.pop(key) for key in ("transactionId", "formatRecordsAs") if key in values}
        parameters = [{"name": name, **parameter(value)} for name, value in values.items()]
        answer: dict[str, Any] = self.api.execute_statement(
            **self.place, database=self.name, sql=sql, parameters=parameters, **request
        )
        return answer

    def rows(self, sql: str, **values: Any) -> list[list[Any]]:
        records = self.execute(sql, **values)["records"]
        return [[None if "isNull" in field else next(iter(field.values())) for field in row] for row in records]


def parameter(value: Any) -> dict[str, Any]:
    """A value, or (type hint, text)."""
    if isinstance(value, tuple):
        return {"typeHint": value[0], "value": {"stringValue": value[1]}}
    if value is None:
        return {"value": {"isNull": True}}
    kinds = {bool: "booleanValue", int: "longValue", float: "doubleValue", bytes: "blobValue", str: "stringValue"}
    return {"value": {kinds[type(value)]: value}}


@pytest.fixture(scope="module")
def database(emulator: Emulator) -> Database:
    found = Database(emulator)
    found.execute(
        "CREATE TABLE things (id uuid PRIMARY KEY, at timestamptz, day date, price numeric(12, 6), document jsonb,"
        " name text, count integer, ratio double precision, good boolean, bytes bytea, tags text[])"
    )
    return found


ID = "0190a7f3-0000-7000-8000-000000000001"


def refused(call: Any, *arguments: Any, **values: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **values)
    return str(caught.value.response["Error"]["Code"]) + ": " + str(caught.value.response["Error"]["Message"])


def test_secret_is_a_real_role(database: Database) -> None:
    secrets = database.emulator.client("secretsmanager")
    secret = json.loads(secrets.get_secret_value(SecretId=database.place["secretArn"])["SecretString"])
    assert secret["username"] == database.user
    assert database.rows("SELECT current_user, current_database()") == [[database.user, database.name]]
    assert database.rows("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [[False]]


def test_wrong_password_is_postgres_own_refusal(database: Database) -> None:
    wrong = json.dumps({"username": database.user, "password": "guess"})
    secret = database.emulator.client("secretsmanager").create_secret(Name=unique("wrong"), SecretString=wrong)
    place = {**database.place, "secretArn": secret["ARN"]}
    assert "28P01" in refused(database.api.execute_statement, **place, sql="SELECT 1")


def test_every_type_comes_back_as_the_data_api_writes_it(database: Database) -> None:
    written = database.execute(
        "INSERT INTO things VALUES (:id, :at, :day, :price, :document, :name, :count, :ratio, :good, :bytes,"
        " ARRAY[:name, 'x'])",
        id=("UUID", ID),
        at=("TIMESTAMP", "2026-11-21 20:22:30.123"),
        day=("DATE", "2026-11-21"),
        price=("DECIMAL", "0.000021"),
        document=("JSON", '{"a": [1, null]}'),
        name="it's 100% :name",
        count=7,
        ratio=0.5,
        good=True,
        bytes=b"\x00\xff",
    )
    assert written["numberOfRecordsUpdated"] == 1
    (row,) = database.rows("SELECT * FROM things WHERE id = :id AND name LIKE 'it%'", id=("UUID", ID))
    assert row[:4] == [ID, "2026-11-21 20:22:30.123000", "2026-11-21", "0.000021"]
    assert json.loads(row[4]) == {"a": [1, None]}
    assert row[5:] == ["it's 100% :name", 7, 0.5, True, b"\x00\xff", {"stringValues": ["it's 100% :name", "x"]}]


def test_null_needs_no_type(database: Database) -> None:
    new = "0190a7f3-0000-7000-8000-000000000002"
    database.execute(
        "INSERT INTO things (id, at, count) VALUES (:id, :at, :count)", id=("UUID", new), at=None, count=None
    )
    assert database.rows("SELECT at, count FROM things WHERE id = :id", id=("UUID", new)) == [[None, None]]


def test_untyped_text_is_refused_where_aws_refuses_it(database: Database) -> None:
    assert "42804" in refused(database.execute, "INSERT INTO things (id) VALUES (:id)", id=ID)
    assert "TIMESTAMP" in refused(database.execute, "SELECT :at", at=("TIMESTAMP", "2026-11-21T20:22:30Z"))


def test_rows_as_json(database: Database) -> None:
    answer = database.execute("SELECT 1 AS one, NULL AS nothing", formatRecordsAs="JSON")
    assert json.loads(answer["formattedRecords"]) == [{"one": 1, "nothing": None}]
    assert "records" not in answer


def test_batch_is_one_row_per_set(database: Database) -> None:
    database.execute("CREATE TABLE batch (id bigint PRIMARY KEY, name text)")
    sets = [[{"name": "id", "value": {"longValue": n}}, {"name": "name", **parameter(None)}] for n in range(50)]
    sql = "INSERT INTO batch VALUES (:id, :name) ON CONFLICT (id) DO UPDATE SET name = excluded.name"
    answer = database.api.batch_execute_statement(**database.place, database=database.name, sql=sql, parameterSets=sets)
    assert len(answer["updateResults"]) == 50
    assert database.rows("SELECT count(*), count(name) FROM batch") == [[50, 0]]


def test_transaction_is_seen_when_it_is_committed(database: Database) -> None:
    database.execute("CREATE TABLE committed (id bigint)")
    for end, expected in ((database.api.rollback_transaction, 0), (database.api.commit_transaction, 1)):
        begun = database.api.begin_transaction(**database.place, database=database.name)["transactionId"]
        database.execute("INSERT INTO committed VALUES (1)", transactionId=begun)
        assert database.rows("SELECT count(*) FROM committed") == [[0]]
        end(**database.place, transactionId=begun)
        assert database.rows("SELECT count(*) FROM committed") == [[expected]]


def test_statement_that_waits_for_a_lock_stops_nobody_else(database: Database) -> None:
    database.execute("CREATE TABLE locked (id bigint)")
    database.execute("INSERT INTO locked VALUES (1)")
    begun = database.api.begin_transaction(**database.place, database=database.name)["transactionId"]
    database.execute("UPDATE locked SET id = 2", transactionId=begun)
    other = threading.Thread(target=database.execute, args=("UPDATE locked SET id = id + 10",))
    other.start()
    deadline = time.monotonic() + 10
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while database.rows(waiting) != [[1]]:
        assert time.monotonic() < deadline
    database.api.commit_transaction(**database.place, transactionId=begun)
    other.join(10)
    assert database.rows("SELECT id FROM locked") == [[12]]


def test_errors_carry_postgres_code(database: Database) -> None:
    assert refused(database.execute, "SELECT * FROM nowhere").startswith("DatabaseErrorException: ERROR: relation")
    assert "42P01" in refused(database.execute, "SELECT * FROM nowhere")


def test_caller_must_be_allowed_to_read_the_secret(database: Database) -> None:
    sts = database.emulator.client("sts")
    for actions, allowed in (
        (["rds-data:ExecuteStatement"], False),
        (["rds-data:ExecuteStatement", "secretsmanager:GetSecretValue"], True),
    ):
        role = make_role(database.emulator, "lambda", policy({"Action": actions, "Resource": "*"}))
        given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="test")["Credentials"]
        api = client(
            database.emulator.url,
            "rds-data",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        if allowed:
            api.execute_statement(**database.place, sql="SELECT 1")
        else:
            assert "GetSecretValue" in refused(api.execute_statement, **database.place, sql="SELECT 1")


def test_deleted_cluster_leaves_no_data_and_no_secret(emulator: Emulator) -> None:
    formation, secrets = emulator.client("cloudformation"), emulator.client("secretsmanager")
    first = Database(emulator)
    first.execute("CREATE TABLE things (id bigint)")
    formation.delete_stack(StackName=first.stack)
    formation.get_waiter("stack_delete_complete").wait(
        StackName=first.stack, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    with pytest.raises(ClientError):
        secrets.get_secret_value(SecretId=first.place["secretArn"])
    formation.create_stack(StackName=first.stack, TemplateBody=template(first.user, first.name))
    formation.get_waiter("stack_create_complete").wait(
        StackName=first.stack, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    (stack,) = formation.describe_stacks(StackName=first.stack)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    first.place = {"resourceArn": outputs["Cluster"], "secretArn": outputs["Secret"]}
    assert "42P01" in refused(first.execute, "SELECT * FROM things")


# ---- The day one of these fails, the emulator does it itself: delete the patch ----


def test_emulator_still_has_no_postgres_without_docker(unpatched: Emulator) -> None:
    rds = unpatched.client("rds")
    cluster = rds.create_db_cluster(
        DBClusterIdentifier="cluster",
        Engine="aurora-postgresql",
        MasterUsername="master",
        ManageMasterUserPassword=True,
        EnableHttpEndpoint=True,
    )["DBCluster"]
    rds.create_db_instance(
        DBInstanceIdentifier="one",
        DBInstanceClass="db.serverless",
        Engine="aurora-postgresql",
        DBClusterIdentifier="cluster",
    )
    place = {"resourceArn": cluster["DBClusterArn"], "secretArn": cluster["MasterUserSecret"]["SecretArn"]}
    assert "stub" in refused(unpatched.client("rds-data").execute_statement, **place, sql="SELECT 1 + 1")
