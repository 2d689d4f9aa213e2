"""Every call in the definitions exists at AWS and has its fields. Values are checked where the machines run."""

from typing import Any

import pytest
from botocore.model import Shape

from tests import aws_models
from tests.statemachines.definition import ALL, State
from tests.statemachines.requests import SMALL, operation_of, problems, small

TASKS = [pytest.param(name, state, id=f"{one}-{name}") for one in ALL for name, state in one.every_task()]
UPDATE = "arn:aws:states:::aws-sdk:dynamodb:updateItem"


def unknown(value: Any, shape: Shape, name: str) -> list[str]:
    """Fields that AWS does not know, as far as they are spelled out: an expression may make anything."""
    if shape.type_name == "structure" and isinstance(value, dict):
        found = [f"{name}.{key}: AWS has {', '.join(shape.members)}" for key in value if key not in shape.members]
        known = ((key, inner) for key, inner in value.items() if key in shape.members)
        return found + [one for key, inner in known for one in unknown(inner, shape.members[key], f"{name}.{key}")]
    if shape.type_name == "map" and isinstance(value, dict):
        return [one for key, inner in value.items() for one in unknown(inner, shape.value, f"{name}.{key}")]
    if shape.type_name == "list" and isinstance(value, list):
        return [one for inner in value for one in unknown(inner, shape.member, f"{name}[]")]
    return []


@pytest.mark.parametrize(("name", "state"), TASKS)
def test_a_call_exists_and_has_its_fields(name: str, state: State) -> None:
    service, operation = operation_of(state["Resource"])
    model = aws_models.service(service)
    assert operation in model.operation_names, f"{service} has no {operation}"
    shape, arguments = model.operation_model(operation).input_shape, state["Arguments"]
    arguments = small(arguments) if service in SMALL else arguments
    assert shape is not None
    assert unknown(arguments, shape, name) == []
    assert set(shape.required_members) <= set(arguments)


KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


@pytest.mark.parametrize(
    ("resource", "arguments", "words"),
    [
        (UPDATE, {"TableName": "table", "Key": KEY, "ReturnValues": "ALL"}, "not one of"),
        (UPDATE, {"TableName": "table"}, "Key"),
        (UPDATE, {"tableName": "table", "Key": KEY}, "tableName"),
        ("arn:aws:states:::aws-sdk:dynamodb:patchItem", {}, "has no PatchItem"),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "a b", "Payload": {}}, "FunctionName"),
        ("arn:aws:states:::sns:publish", {"TopicArn": "t", "Body": "m"}, "Body"),
    ],
)
def test_what_aws_refuses_is_seen(resource: str, arguments: dict[str, Any], words: str) -> None:
    assert any(words in one for one in problems(resource, arguments)), problems(resource, arguments)
