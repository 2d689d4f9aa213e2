"""What rules call those who call, and what they call. Pure."""

import re
from typing import Any

_LOGICAL = re.compile(r"-([A-Za-z]+?)(?:Role)?-[A-Za-z0-9]+$|-([A-Za-z]+Function)$")  # or named by the template


def logical(name: str) -> str:
    """The template's name of a role or function.

    >>> logical("foreverus-ApiFunctionRole-1AB2"), logical("foreverus-CloseSessionFunction-XY")
    ('ApiFunction', 'CloseSessionFunction')
    >>> logical("foreverus-AnswerConversationFunction")
    'AnswerConversationFunction'
    """
    found = _LOGICAL.search(name)
    return (found[1] or found[2]) if found else name


def machine_of(execution: dict[str, Any]) -> str:
    """`gpu_session`, `batch_run` or `bake_image`.

    >>> machine_of({"stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:foreverus-batch-run"})
    'batch_run'
    """
    return "_".join(execution["stateMachineArn"].rsplit(":", 1)[-1].split("-")[-2:])


def state_action(resource: str, arguments: Any) -> str:
    """What a task calls, as IAM names it.

    >>> state_action("arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken", {})
    'dynamodb:UpdateItem'
    """
    service, action = resource.removesuffix(".waitForTaskToken").split(":")[-2:]
    if service == "lambda":
        return f"lambda:Invoke {logical(str(arguments.get('FunctionName', '')).rsplit(':', 1)[-1])}"
    return f"{service}:{action[:1].upper()}{action[1:]}"
