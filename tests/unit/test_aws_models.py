"""The watch over requests sees what AWS would refuse, of each kind, and botocore alone would send."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import StructureShape

from foreverus import bootstrap
from foreverus.aws.dynamo import Table
from tests import aws_models
from tests.unit.conftest import Aws

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "foreverus"
FLEET = {"LaunchTemplateConfigs": [{}], "TargetCapacitySpecification": {"TotalTargetCapacity": 1}}
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "GetItem", {"TableName": "table", "Key": KEY, "ConsistentRead": True}),
    ("stepfunctions", "SendTaskSuccess", {"taskToken": "t", "output": "{}"}),
    ("ec2", "DescribeInstances", {"Filters": [{"Name": "tag:a", "Values": ["b"]}], "MaxResults": 5}),
]
# A kind of mistake each, and the field that must be named.
BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("dynamodb", "GetItem", {"TableName": "table"}, "Key"),  # a required field
    ("dynamodb", "GetItem", {"TableName": "table", "Key": KEY, "Consistent": True}, "Consistent"),  # a name
    ("dynamodb", "GetItem", {"TableName": "table", "Key": KEY, "ConsistentRead": "yes"}, "ConsistentRead"),  # a type
    ("dynamodb", "UpdateItem", {"TableName": "table", "Key": KEY, "ReturnValues": "EVERYTHING"}, "ReturnValues"),
    ("dynamodb", "BatchWriteItem", {"RequestItems": {"table": [{"PutRequest": {"Item": KEY}}] * 26}}, "RequestItems"),
    ("dynamodb", "Query", {"TableName": "table", "Limit": 0}, "Limit"),  # a minimum
    ("stepfunctions", "SendTaskFailure", {"taskToken": "t", "error": "e" * 257}, "error"),  # a length
    ("lambda", "Invoke", {"FunctionName": "no name of a function"}, "FunctionName"),  # a pattern
    ("ec2", "CreateFleet", FLEET | {"Type": "instantly"}, "Type"),  # a word
    ("ec2", "CreateFleet", FLEET | {"SpotOptions": {"AllocationStrategy": "cheapest"}}, "SpotOptions"),  # deep inside
]


@pytest.mark.parametrize(("service", "operation", "parameters"), GOOD)
def test_what_aws_takes_is_taken(service: str, operation: str, parameters: dict[str, Any]) -> None:
    assert aws_models.problems(aws_models.service(service).operation_model(operation), parameters) == []


@pytest.mark.parametrize(("service", "operation", "parameters", "field"), BAD)
def test_what_aws_refuses_is_named(service: str, operation: str, parameters: dict[str, Any], field: str) -> None:
    found = aws_models.problems(aws_models.service(service).operation_model(operation), parameters)
    assert any(field in one for one in found), found


def test_what_our_code_asks_is_watched_and_what_a_test_asks_is_not(aws: Aws) -> None:
    client, request = bootstrap.aws.client("dynamodb"), {"TableName": "foreverus", "Item": KEY}
    with pytest.raises(ClientError):
        client.put_item(**request, ReturnConsumedCapacity="ALL")
    assert aws_models.wrong == []
    with aws_models.recorded() as calls, pytest.raises(ClientError):
        Table(client, "foreverus")._write(lambda: client.put_item(**request, ReturnConsumedCapacity="ALL"))
    (said,) = aws_models.wrong
    aws_models.wrong.clear()
    assert "ReturnConsumedCapacity" in said and "dynamo.py" in said
    assert [(one.service, one.operation) for one in calls] == [("dynamodb", "PutItem")]


# Names under which clients stand in the code, and the services that they are of where a method's name does not tell.
CLIENTS = {"client", "_client", "s3", "ec2", "dynamodb", "sqs", "sns", "ssm"}
SERVICES = ["apigatewaymanagementapi", "bedrock-runtime", "cognito-idp", "dynamodb", "ec2", "lambda", "logs"]
SERVICES += ["ecs", "polly", "rds-data", "s3", "sagemaker-runtime", "sns", "sqs", "ssm", "stepfunctions"]
SERVICES += ["transcribe", "xray"]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """(file, call) of every call of a client's method."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value).split(".")[-1]
                if owner in CLIENTS and node.keywords and not node.args:
                    yield path.relative_to(SOURCE).as_posix(), node


def shapes(method: str) -> list[StructureShape]:
    """The inputs of the operations that a client calls so."""
    models = (aws_models.service(name) for name in SERVICES)
    return [
        shape
        for model in models
        for name in model.operation_names
        if xform_name(name) == method and (shape := model.operation_model(name).input_shape)
    ]


@pytest.mark.parametrize(("file", "call"), [pytest.param(*one, id=f"{one[0]}:{one[1].func.attr}") for one in calls()])
def test_every_call_in_the_code_has_aws_names(file: str, call: ast.Call) -> None:
    """Whether or not a test makes it."""
    assert isinstance(call.func, ast.Attribute)
    given = {one.arg for one in call.keywords if one.arg}
    whole = all(one.arg for one in call.keywords)  # no `**request`
    known = shapes(call.func.attr)
    assert known, f"{file}: AWS knows no {call.func.attr} in {', '.join(SERVICES)}: add its service to SERVICES here"
    fits = [
        shape for shape in known if given <= set(shape.members) and (not whole or set(shape.required_members) <= given)
    ]
    assert fits, (
        f"{file}: {call.func.attr} with {sorted(given)}; AWS's names are {[sorted(one.members) for one in known]}"
    )
