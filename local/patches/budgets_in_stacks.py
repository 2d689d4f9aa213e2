"""Budgets in templates.

AWS: AWS::Budgets::Budget makes a budget (its Ref is the budget's name); AWS::Budgets::BudgetsAction hangs an action on
it, here a policy that is attached to roles when the budget is used up.
Emulator: knows budgets by their API only, refuses both types in a template, and knows no actions at all.

Patch: the first type calls the emulator's own budgets. The second one checks what AWS would check, that its budget, its
policy and its roles exist, and does nothing: no emulated budget is ever used up.
"""

import json
import uuid
from typing import Any

from local.patches import Options

BUDGET = "AWS::Budgets::Budget"
ACTION = "AWS::Budgets::BudgetsAction"


def apply(options: Options) -> None:
    from ministack.services import budgets, iam
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    def checked(answer: tuple[int, Any, bytes]) -> None:
        status, _headers, body = answer
        if status != 200:
            raise ValueError(json.loads(body).get("message") or body.decode())

    def request(logical_id: str, properties: dict[str, Any], stack_name: str) -> dict[str, Any]:
        budget = {"BudgetName": f"{stack_name}-{logical_id}", **properties["Budget"]}
        limit = budget.get("BudgetLimit")
        if limit:
            budget["BudgetLimit"] = {**limit, "Amount": str(limit["Amount"])}
        return {"Budget": budget, "NotificationsWithSubscribers": properties.get("NotificationsWithSubscribers", [])}

    def create_budget(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        wanted = request(logical_id, properties, stack_name)
        checked(budgets._create_budget(wanted))
        return wanted["Budget"]["BudgetName"], {}

    def delete_budget(physical_id: str, properties: dict[str, Any]) -> None:
        budgets._delete_budget({"BudgetName": physical_id})

    def update_budget(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        changed = {**new, "Budget": {"BudgetName": physical_id, **new["Budget"]}}
        name = changed["Budget"]["BudgetName"]
        if name != physical_id or old.get("NotificationsWithSubscribers") != new.get("NotificationsWithSubscribers"):
            delete_budget(physical_id, old)  # AWS replaces it
            return create_budget("", changed, stack_name)
        checked(budgets._update_budget({"NewBudget": request("", changed, stack_name)["Budget"]}))
        return name, {}

    def create_action(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        definition = properties["Definition"]["IamActionDefinition"]
        if properties["BudgetName"] not in budgets._budgets:
            raise ValueError(f"There is no budget {properties['BudgetName']}")
        if definition["PolicyArn"] not in iam._policies:
            raise ValueError(f"There is no policy {definition['PolicyArn']}")
        for role in definition["Roles"]:
            if role not in iam._roles:
                raise ValueError(f"There is no role {role}")
        action_id = str(uuid.uuid4())
        return f"{action_id}|{properties['BudgetName']}", {"ActionId": action_id}

    def update_action(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        return create_action("", new, stack_name)

    def delete_action(physical_id: str, properties: dict[str, Any]) -> None:
        pass

    _RESOURCE_HANDLERS[BUDGET] = {"create": create_budget, "update": update_budget, "delete": delete_budget}
    _RESOURCE_HANDLERS[ACTION] = {"create": create_action, "update": update_action, "delete": delete_action}
