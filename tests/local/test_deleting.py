"""The stack is deleted with a GPU on, and deployed again under the same name: a cloud of its own."""

from typing import Any

import pytest

from local import deploy
from local.cloud import Cloud
from local.person import Person
from tests import cloud as clouds
from tests.local.sessions import live_instances, wait_until

pytestmark = pytest.mark.cloud

KEPT = {"Table": "AWS::DynamoDB::Table", "DataBucket": "AWS::S3::Bucket", "UserPool": "AWS::Cognito::UserPool"}


def physical(cloud: Cloud, stack: str) -> dict[str, str]:
    """Physical id by logical id of everything that the stack has."""
    pages = cloud.emulator.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found = [one for page in pages for one in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def delete(cloud: Cloud, stack_id: str) -> dict[str, str]:
    """Deletes it; returns what became of each resource."""
    formation = cloud.emulator.client("cloudformation")
    formation.delete_stack(StackName=stack_id)

    def status() -> str:
        return str(formation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

    wait_until(lambda: not status().endswith("IN_PROGRESS"), "the deletion ends")
    pages = formation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    events: list[dict[str, Any]] = [one for page in pages for one in page["StackEvents"]]
    failed = [
        (one["LogicalResourceId"], one.get("ResourceStatusReason")) for one in events if "FAIL" in one["ResourceStatus"]
    ]
    assert status() == "DELETE_COMPLETE", failed
    return {one["LogicalResourceId"]: one["ResourceStatus"] for one in reversed(events)}


def test_stack_is_deleted_with_a_gpu_on_and_deployed_again_under_its_name() -> None:
    with clouds.deployed("deleted") as cloud:
        formation, iam = cloud.emulator.client("cloudformation"), cloud.emulator.client("iam")
        (stack,) = formation.describe_stacks(StackName=deploy.STACK)["Stacks"]
        had = physical(cloud, deploy.STACK)
        with Person(cloud.outputs) as person:
            session_id, _ = person.start_session()
        assert len(live_instances(cloud)) == 1
        # What AWS Budgets does at the month's budget: CloudFormation knows nothing of it.
        for role in (
            "GpuSessionRole",
            "AnswerConversationFunctionRole",
            "AnswerBatchFunctionRole",
            "ChatCompletionsFunctionRole",
        ):
            iam.attach_role_policy(RoleName=had[role], PolicyArn=had["NoLaunches"])

        became = delete(cloud, stack["StackId"])
        assert live_instances(cloud) == []
        skipped = {name for name, status in became.items() if status == "DELETE_SKIPPED"}
        assert {name for name in skipped if "FunctionVersion" not in name} == set(
            KEPT
        )  # versions go with their function
        cloud.emulator.client("dynamodb").describe_table(TableName=had["Table"])
        cloud.emulator.client("s3").head_bucket(Bucket=had["DataBucket"])
        cloud.emulator.client("cognito-idp").describe_user_pool(UserPoolId=had["UserPool"])
        session = cloud.emulator.client("dynamodb").get_item(
            TableName=had["Table"], Key={"pk": {"S": "SESSIONS"}, "sk": {"S": session_id}}
        )["Item"]
        assert session["instance_id"]["S"]  # what happened stays

        building = deploy.Build(cloud.state)
        building.start()
        try:
            again = deploy.deploy(cloud.state, cloud.emulator, building.finish(), cloud.page.url, cloud.parameters)
        finally:
            building.stop()
        has = physical(cloud, deploy.STACK)
        assert has["DataBucket"] != had["DataBucket"] and has["UserPool"] != had["UserPool"]
        # The emulator makes a table's name of the stack's; on AWS its end is random, as a bucket's is here.
        assert again["TableName"] == has["Table"] and set(has) == set(had)
