"""Budgets and their actions in a template."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator
from tests.cloud import policy, trust, unique
from tests.local.sessions import wait_until

pytestmark = pytest.mark.cloud


def template(budget: str, action_on: str) -> str:
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "you@example.com"}]
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80}
    definition = {"PolicyArn": {"Ref": "Deny"}, "Roles": [{"Ref": "Role"}]}
    action = {
        "BudgetName": action_on,
        "NotificationType": "ACTUAL",
        "ActionType": "APPLY_IAM_POLICY",
        "ActionThreshold": {"Type": "PERCENTAGE", "Value": 100},
        "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "Definition": {"IamActionDefinition": definition},
        "Subscribers": [{"Type": "EMAIL", "Address": "you@example.com"}],
    }
    limit = {"Amount": 20, "Unit": "USD"}
    resources: dict[str, Any] = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(trust("states"))}},
        "Deny": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": json.loads(policy({"Action": "ec2:RunInstances", "Resource": "*"}))},
        },
        "Budget": {
            "Type": "AWS::Budgets::Budget",
            "Properties": {
                "Budget": {"BudgetName": budget, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit},
                "NotificationsWithSubscribers": [{"Notification": notification, "Subscribers": subscribers}],
            },
        },
        "Action": {"Type": "AWS::Budgets::BudgetsAction", "DependsOn": "Budget", "Properties": action},
    }
    return json.dumps({"Resources": resources, "Outputs": {"Budget": {"Value": {"Ref": "Budget"}}}})


def create(emulator: Emulator, body: str) -> dict[str, Any]:
    """The stack when it has come to rest."""
    formation, name = emulator.client("cloudformation"), unique("budget")
    formation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    found: dict[str, Any] = {}

    def rests() -> bool:
        found.update(formation.describe_stacks(StackName=name)["Stacks"][0])
        return not found["StackStatus"].endswith("IN_PROGRESS")

    wait_until(rests, "the stack rests")
    return found


def test_budget_of_a_template_is_a_budget(emulator: Emulator) -> None:
    name = unique("monthly")
    stack = create(emulator, template(name, name))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"][0]["OutputValue"] == name
    budgets = emulator.client("budgets")
    found = budgets.describe_budget(AccountId="000000000000", BudgetName=name)["Budget"]
    assert found["BudgetLimit"] == {"Amount": "20", "Unit": "USD"}
    notifications = budgets.describe_notifications_for_budget(AccountId="000000000000", BudgetName=name)[
        "Notifications"
    ]
    assert [one["Threshold"] for one in notifications] == [80]
    emulator.client("cloudformation").delete_stack(StackName=stack["StackName"])

    def gone() -> bool:
        try:
            budgets.describe_budget(AccountId="000000000000", BudgetName=name)
        except ClientError as error:
            return error.response["Error"]["Code"] == "NotFoundException"
        return False

    wait_until(gone, "the budget went with its stack")


def test_action_on_a_budget_that_is_not_there_is_refused(emulator: Emulator) -> None:
    stack = create(emulator, template(unique("monthly"), "no-such-budget"))
    assert stack["StackStatus"] in ("ROLLBACK_COMPLETE", "CREATE_FAILED")


def test_emulator_still_knows_no_budgets_in_templates(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    name = unique("monthly")
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        create(unpatched, template(name, name))
