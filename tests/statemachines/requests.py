"""What the states of a machine ask AWS, held against AWS's own models.

Step Functions takes an operation's fields in PascalCase, as botocore's models of these services have them, but for
ECS's, which begin with a small letter. Of a function's payload no model knows anything.
"""

import json
import re
from typing import Any

from tests import aws_models

SERVICES = {"sfn": "stepfunctions"}  # Step Functions' names that are not botocore's
SMALL = {"ecs"}  # services whose models' fields begin with a small letter


def operation_of(resource: str) -> tuple[str, str]:
    """(botocore's service, operation) of a task's `Resource`.

    >>> operation_of("arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken")
    ('dynamodb', 'UpdateItem')
    """
    service, name = re.sub(r"\.\w+$", "", resource).split(":")[-2:]
    return SERVICES.get(service, service), name[0].upper() + name[1:]


def problems(resource: str, arguments: dict[str, Any]) -> list[str]:
    """What AWS would refuse in a task's request."""
    service, operation = operation_of(resource)
    model = aws_models.service(service)
    if operation not in model.operation_names:
        return [f"AWS's {service} has no {operation}"]
    given = {name: b"{}" if name == "Payload" else value for name, value in arguments.items()}
    return aws_models.problems(model.operation_model(operation), small(given) if service in SMALL else given)


def small(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"{name[0].lower()}{name[1:]}": small(one) for name, one in value.items()}
    return [small(one) for one in value] if isinstance(value, list) else value


def in_history(event: dict[str, Any]) -> list[str]:
    """The same of an event of an execution's history."""
    details = event.get("taskScheduledEventDetails")
    if not details:
        return []
    return problems(details["resource"], json.loads(details["parameters"]))
