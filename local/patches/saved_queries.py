"""Saved queries of CloudWatch Logs Insights in templates.

AWS: AWS::Logs::QueryDefinition saves a query under a name, for log groups that are there; its Ref is the query's id.
Emulator: refuses the type in a template.

Patch: the type is taken, and checked for what AWS would check. Nobody asks for a saved query here: the tests run them
with an evaluator of their own.
"""

import uuid
from typing import Any

from local.patches import Options

TYPE = "AWS::Logs::QueryDefinition"
MOST_GROUPS = 50
MOST_CHARACTERS = 10_000


def apply(options: Options) -> None:
    from ministack.services import cloudwatch_logs as logs
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    def check(properties: dict[str, Any]) -> None:
        groups = properties.get("LogGroupNames", [])
        if not properties.get("Name") or not properties.get("QueryString"):
            raise ValueError(f"{TYPE} requires Name and QueryString")
        if len(groups) > MOST_GROUPS or len(properties["QueryString"]) > MOST_CHARACTERS:
            raise ValueError(f"{TYPE} takes {MOST_GROUPS} log groups and {MOST_CHARACTERS} characters at most")
        for group in groups:
            if group not in logs._log_groups:
                raise ValueError(f"There is no log group {group}")

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        check(properties)
        query_id = str(uuid.uuid4())
        return query_id, {"QueryDefinitionId": query_id}

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        check(new)
        return physical_id, {"QueryDefinitionId": physical_id}

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        pass

    _RESOURCE_HANDLERS[TYPE] = {"create": create, "update": update, "delete": delete}
