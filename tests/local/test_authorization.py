"""Roles are proved by use: a state machine acts under its own, and EC2 looks at the single instance."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, REGION, Emulator, client
from tests.cloud import policy, unique
from tests.local.machines import make_machine, make_queue, make_role, receive, start, wait_for_end

pytestmark = pytest.mark.cloud

EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"


def as_role(emulator: Emulator, role: str, service: str) -> Any:
    """A client under that role."""
    sts = emulator.client("sts")
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="test")["Credentials"]
    return client(
        emulator.url,
        service,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def launch(emulator: Emulator, stack: str) -> str:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "foreverus:stack", "Value": stack}]}]
    found = emulator.client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, TagSpecifications=tags)
    return str(found["Instances"][0]["InstanceId"])


def ours_only(stack: str) -> str:
    return policy(
        {
            "Action": "ec2:TerminateInstances",
            "Resource": f"{EC2}:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/foreverus:stack": stack}},
        }
    )


def sdk(action: str, arguments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{action}", "Arguments": arguments, **fields}


def test_role_may_terminate_its_own_instances_only(emulator: Emulator) -> None:
    ec2 = as_role(emulator, make_role(emulator, "lambda", ours_only("ours")), "ec2")
    ours, theirs = launch(emulator, "ours"), launch(emulator, "theirs")
    for refused in ([theirs], [ours, theirs]):
        with pytest.raises(ClientError) as denied:
            ec2.terminate_instances(InstanceIds=refused)
        assert denied.value.response["Error"]["Code"] == "UnauthorizedOperation"
    assert ec2.terminate_instances(InstanceIds=[ours])["TerminatingInstances"]


def test_machine_may_terminate_its_own_instances_only(emulator: Emulator) -> None:
    role = make_role(emulator, "states", ours_only("ours"))
    for stack, status in (("ours", "SUCCEEDED"), ("theirs", "FAILED")):
        task = sdk("ec2:terminateInstances", {"InstanceIds": [launch(emulator, stack)]}, End=True)
        found = wait_for_end(emulator, start(emulator, make_machine(emulator, {"End it": task}, role=role)))
        assert found["status"] == status
        if status == "FAILED":
            assert found["error"] == "Ec2.Ec2Exception"
            assert found["cause"].startswith("You are not authorized to perform this operation.")
            assert "(Service: Ec2, Status Code: 403, Request ID: " in found["cause"]
            assert "UnauthorizedOperation" not in found["cause"]


def test_machine_without_permission_sends_nothing(emulator: Emulator) -> None:
    queue = make_queue(emulator)
    role = make_role(emulator, "states", policy({"Action": "sqs:ReceiveMessage", "Resource": "*"}))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": queue, "MessageBody": "hello"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Denied", "Output": "{% $states.errorOutput %}"}],
        "End": True,
    }
    machine = make_machine(emulator, {"Send": task, "Denied": {"Type": "Pass", "End": True}}, role=role)
    found = wait_for_end(emulator, start(emulator, machine))
    assert "is not authorized to perform: sqs:SendMessage" in found["output"]
    assert "Messages" not in emulator.client("sqs").receive_message(QueueUrl=queue)


def test_transaction_needs_each_of_its_actions(emulator: Emulator) -> None:
    name = unique("table")
    emulator.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
    items = [{"Put": {"TableName": name, "Item": {"pk": {"S": "1"}}}}]
    for action, status in (("dynamodb:PutItem", "SUCCEEDED"), ("dynamodb:UpdateItem", "FAILED")):
        role = make_role(emulator, "states", policy({"Action": action, "Resource": table}))
        task = sdk("dynamodb:transactWriteItems", {"TransactItems": items}, End=True)
        found = wait_for_end(emulator, start(emulator, make_machine(emulator, {"Write": task}, role=role)))
        assert (found["status"], found.get("error")) == (
            status,
            None if status == "SUCCEEDED" else "DynamoDb.AccessDeniedException",
        )


@pytest.mark.parametrize("missing", ["", "ec2:CreateFleet", "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"])
def test_fleet_needs_every_permission_of_its_launch(emulator: Emulator, missing: str) -> None:
    ec2, iam = emulator.client("ec2"), emulator.client("iam")
    worker, profile, template = make_role(emulator, "ec2"), unique("profile"), unique("template")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=worker)
    ec2.create_launch_template(
        LaunchTemplateName=template,
        LaunchTemplateData={"ImageId": "ami-1", "IamInstanceProfile": {"Name": profile}},
    )
    actions = {"ec2:CreateFleet", "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"} - {missing}
    role = make_role(emulator, "states", policy({"Action": sorted(actions), "Resource": "*"}))
    arguments = {
        "Type": "instant",
        "LaunchTemplateConfigs": [
            {"LaunchTemplateSpecification": {"LaunchTemplateName": template, "Version": "$Latest"}}
        ],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
    }
    machine = make_machine(emulator, {"Launch": sdk("ec2:createFleet", arguments, End=True)}, role=role)
    found = wait_for_end(emulator, start(emulator, machine))
    assert found["status"] == ("FAILED" if missing else "SUCCEEDED"), found
    assert missing in found.get("cause", "")


def test_every_error_of_ec2_has_one_name_and_no_code(emulator: Emulator) -> None:
    role = make_role(emulator, "states", policy({"Action": "ec2:*", "Resource": "*"}))
    task = sdk("ec2:terminateInstances", {"InstanceIds": ["i-00000000000000000"]}, End=True)
    found = wait_for_end(emulator, start(emulator, make_machine(emulator, {"End it": task}, role=role)))
    assert found["error"] == "Ec2.Ec2Exception"
    assert found["cause"].startswith(
        "The instance ID 'i-00000000000000000' does not exist (Service: Ec2, Status Code: 400"
    )
    assert "InvalidInstanceID" not in found["cause"]


def visibility_batch(emulator: Emulator) -> list[str]:
    """Ids of the changes that a role with the permission of the single call may make in a batch."""
    queue = make_queue(emulator)
    emulator.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    message = receive(emulator, queue)
    role = make_role(emulator, "lambda", policy({"Action": "sqs:ChangeMessageVisibility", "Resource": "*"}))
    entry = {"Id": "1", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 60}
    answer = as_role(emulator, role, "sqs").change_message_visibility_batch(QueueUrl=queue, Entries=[entry])
    return [one["Id"] for one in answer["Successful"]]


def may_detach(emulator: Emulator) -> list[bool]:
    """Whether a role that may detach one policy alone may detach that one, and another."""
    iam, role = emulator.client("iam"), make_role(emulator, "lambda")
    nothing = policy({"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    arns = [iam.create_policy(PolicyName=unique("policy"), PolicyDocument=nothing)["Policy"]["Arn"] for _ in range(2)]
    one = {"Action": "iam:DetachRolePolicy", "Resource": "*", "Condition": {"ArnEquals": {"iam:PolicyARN": arns[0]}}}
    caller = as_role(emulator, make_role(emulator, "lambda", policy(one)), "iam")
    able = []
    for arn in arns:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        try:
            caller.detach_role_policy(RoleName=role, PolicyArn=arn)
            able.append(True)
        except ClientError as denied:
            assert denied.response["Error"]["Code"] == "AccessDenied"
            able.append(False)
    return able


def test_role_may_detach_the_policy_that_it_may_detach(emulator: Emulator) -> None:
    assert may_detach(emulator) == [True, False]


def test_batch_needs_the_permission_of_the_single_call(emulator: Emulator) -> None:
    assert visibility_batch(emulator) == ["1"]


# ---- The day one of these fails, the emulator does it itself: delete the patch ----


def test_emulator_still_lets_machines_act_without_a_role(unpatched: Emulator) -> None:
    role = make_role(unpatched, "states", policy({"Action": "sqs:ReceiveMessage", "Resource": "*"}))
    task = sdk("sqs:listQueues", {}, End=True)
    found = wait_for_end(unpatched, start(unpatched, make_machine(unpatched, {"List": task}, role=role)))
    assert found["status"] == "SUCCEEDED"


def test_emulator_still_does_not_look_at_single_instances(unpatched: Emulator) -> None:
    ec2 = as_role(unpatched, make_role(unpatched, "lambda", ours_only("ours")), "ec2")
    with pytest.raises(ClientError):
        ec2.terminate_instances(InstanceIds=[launch(unpatched, "ours")])


def test_emulator_still_gives_ec2_errors_names(unpatched: Emulator) -> None:
    task = sdk("ec2:terminateInstances", {"InstanceIds": ["i-00000000000000000"]}, End=True)
    found = wait_for_end(unpatched, start(unpatched, make_machine(unpatched, {"End it": task})))
    assert found["error"] != "Ec2.Ec2Exception"


def test_emulator_still_does_not_know_which_policy_is_detached(unpatched: Emulator) -> None:
    assert may_detach(unpatched) == [False, False]


def test_emulator_still_asks_for_batch_permissions(unpatched: Emulator) -> None:
    with pytest.raises(ClientError):
        visibility_batch(unpatched)
