"""What an earlier deployment left is named, with the command that removes it; what is somebody else's is not."""

import pytest

from foreverus.doctor.names import MACHINES, log_groups
from foreverus.doctor.records import Finding, Verdict
from tests.template.template import resolve, resources
from tests.unit.doctor.test_doctor import NOW, Aws, Refused, findings

PLACE = "arn:aws:states:us-east-1:123456789012:stateMachine"


def without_a_stack(aws: Aws) -> Finding:
    aws.answers["cloudformation.DescribeStacks"] = Refused("ValidationError")
    return findings(aws)["names"]


def left(aws: Aws, *groups: str, machines: tuple[str, ...] = ()) -> Finding:
    aws.answers["cloudwatch-logs.DescribeLogGroups"] = lambda region, params: {
        "logGroups": [{"logGroupName": name} for name in groups if name.startswith(prefix_of(params))]
    }
    aws.answers["sfn.ListStateMachines"] = {
        "stateMachines": [
            {"name": name, "stateMachineArn": f"{PLACE}:{name}", "type": "STANDARD", "creationDate": NOW}
            for name in machines
        ]
    }
    return without_a_stack(aws)


def prefix_of(params: dict[str, object]) -> str:
    return str(params["body"]).split('"logGroupNamePrefix": "')[1].split('"')[0]


def test_nothing_is_named_of_a_first_deployment() -> None:
    assert without_a_stack(Aws()).verdict is Verdict.OK


@pytest.mark.parametrize("name", log_groups("foreverus"))
def test_log_that_was_left_is_named(name: str) -> None:
    found = left(Aws(), name)
    assert found.verdict is Verdict.NOTE
    assert found.command == f"aws logs delete-log-group --log-group-name {name}"


@pytest.mark.parametrize("name", [f"foreverus-{name}" for name in MACHINES])
def test_machine_that_was_left_is_named(name: str) -> None:
    found = left(Aws(), machines=(name,))
    assert found.command == f"aws stepfunctions delete-state-machine --state-machine-arn {PLACE}:{name}"


def test_what_another_stack_has_is_in_nobodys_way() -> None:
    others = ("/aws/lambda/foreverus-test-api", "/aws/lambda/foreverus-api-2", "/foreverus/foreverus2/machines")
    assert left(Aws(), *others, machines=("foreverus-test-gpu-session",)).verdict is Verdict.OK


def test_all_that_is_named_is_said_at_once() -> None:
    found = left(Aws(), *log_groups("foreverus")[:2], machines=("foreverus-gpu-session",))
    assert found.command.count("aws ") == 3


def test_a_stack_that_is_there_is_in_nobodys_way() -> None:
    assert "names" not in findings(Aws())


def test_names_are_those_that_the_template_gives() -> None:
    known = {"AWS::StackName": "foreverus"}
    named = [one["LogGroupName"] for one in resources("AWS::Logs::LogGroup").values() if "LogGroupName" in one]
    missing = {resolve(name, known) for name in named} - set(log_groups("foreverus"))
    assert missing == set(), "add them to FUNCTIONS or MACHINES in src/foreverus/doctor/names.py"
    machines = {resolve(one["Name"], known) for one in resources("AWS::Serverless::StateMachine").values()}
    assert machines <= {f"foreverus-{name}" for name in MACHINES}, "add them to MACHINES there"
