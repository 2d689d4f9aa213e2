"""What a host needs of a stack, as AWS would tell it."""

import json
from typing import Any

import pytest

from foreverus.serve import stack
from foreverus.serve.stack import (
    FUNCTIONS,
    HostKind,
    HostNeeds,
    SettingsDiffer,
    merged,
    read,
    role_template,
    task_definition,
)

STATEMENT = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [STATEMENT]}


class FakeAccount:
    """Answers of AWS, by operation; `more`: a variable of one function."""

    region = "eu-west-1"

    def __init__(self, **more: str):
        self.more = more

    def call(self, service: str, operation: str, **asked: Any) -> Any:
        name = asked.get("FunctionName") or asked.get("RoleName")
        answers = {
            "list_stack_resources": {
                "StackResourceSummaries": [
                    {"LogicalResourceId": one, "PhysicalResourceId": f"foreverus-{one}-abc"} for one in FUNCTIONS
                ]
            },
            "get_function_configuration": {
                "Role": f"arn:aws:iam::1:role/path/{name}-role",
                "Environment": {"Variables": {"TABLE_NAME": "t", **(self.more if "Keys" in str(name) else {})}},
            },
            "list_role_policies": {"PolicyNames": [f"{name}Policy0".replace("-", "")]},
            "get_role_policy": {"PolicyDocument": DOCUMENT},
        }
        return answers[operation]


def test_settings_and_policies_are_those_of_each_function() -> None:
    needs = read(FakeAccount(KEYS_TABLE_NAME="k"), "foreverus")  # type: ignore[arg-type]
    assert needs.account == "arn:aws:iam::1"
    assert needs.settings == {"TABLE_NAME": "t", "KEYS_TABLE_NAME": "k", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert len(needs.policies) == len(FUNCTIONS) and set(map(json.dumps, needs.policies.values())) == {
        json.dumps(DOCUMENT)
    }


def test_one_variable_with_two_values_is_nobodys_setting() -> None:
    with pytest.raises(SettingsDiffer, match="TABLE_NAME is 't' for one function and 'other' for another"):
        read(FakeAccount(TABLE_NAME="other"), "foreverus")  # type: ignore[arg-type]


def test_settings_of_the_template_agree() -> None:
    """Whatever a person sets: variables of one name have one expression in all of the functions."""
    from tests.template.template import resources

    said = resources("AWS::Serverless::Function")
    found = merged(
        [{k: json.dumps(v, default=str) for k, v in said[one]["Environment"]["Variables"].items()} for one in FUNCTIONS]
    )
    assert {"CHAT_QUEUE_URL", "TOKEN_ISSUER", "ERASE_PEOPLE_FUNCTION"} <= found.keys()


@pytest.mark.parametrize(
    ("kind", "principal", "extra"),
    [(HostKind.BEANSTALK, "ec2.amazonaws.com", {"HostProfile"}), (HostKind.ECS, "ecs-tasks.amazonaws.com", set())],
)
def test_the_role_has_the_functions_policies_and_only_its_host_takes_it(
    kind: HostKind, principal: str, extra: set[str]
) -> None:
    template: Any = role_template(HostNeeds("two", "1", {}, {"ApiPolicy0": DOCUMENT, "ChatPolicy0": DOCUMENT}), kind)
    assert template["Resources"].keys() == {"ApiPolicy0", "ChatPolicy0", "HostRole"} | extra
    role = template["Resources"]["HostRole"]["Properties"]
    assert role["RoleName"] == f"two-host-{kind.value}"
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": principal}
    own = [{"Ref": "ApiPolicy0"}, {"Ref": "ChatPolicy0"}]
    agent = [stack.BEANSTALK_AGENT] if kind is HostKind.BEANSTALK else []
    assert role["ManagedPolicyArns"] == own + agent


def test_the_command_says_why_aws_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refusing(FakeAccount):
        def call(self, service: str, operation: str, **asked: Any) -> Any:
            raise stack.CannotLook(f"{service}:{operation}", "ValidationError", "Stack with id two does not exist")

    monkeypatch.setattr(stack, "own_account", lambda region: Refusing())
    assert stack.main(["settings", "--stack", "two"]) == 1
    assert "Stack with id two does not exist" in capsys.readouterr().err


def test_the_command_prints_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack, "own_account", lambda region: FakeAccount())
    assert stack.main(["settings"]) == 0
    assert capsys.readouterr().out == "AWS_DEFAULT_REGION=eu-west-1\nTABLE_NAME=t\n"
    assert stack.main(["role", "--for", "ecs"]) == 0
    assert "HostRole" in json.loads(capsys.readouterr().out)["Resources"]


def test_a_task_is_what_ecs_takes_and_has_no_more_than_it_needs() -> None:
    import botocore.session
    from botocore.validate import ParamValidator

    needs = HostNeeds("two", "arn:aws:iam::123456789012", {"A": "1", "AWS_DEFAULT_REGION": "eu-west-1"}, {})
    task: Any = task_definition(needs, "one/image@sha256:abc")
    model = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    report = ParamValidator().validate(task, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert task["taskRoleArn"] == "arn:aws:iam::123456789012:role/two-host-ecs"
    (container,) = task["containerDefinitions"]
    assert container["readonlyRootFilesystem"] and container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert container["user"].split(":")[0] not in ("0", "root")
    assert {"name": "A", "value": "1"} in container["environment"]


@pytest.mark.parametrize("image", ["", "one/image", "one/image:latest"])
def test_a_task_without_an_image_by_its_digest_is_refused(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stack.main(["task", "--image", image])
    assert "by its digest" in capsys.readouterr().err


@pytest.mark.parametrize("kind", list(HostKind))
def test_cloudformation_would_take_the_roles_template(kind: HostKind) -> None:
    from cfnlint.api import ManualArgs, lint

    text = json.dumps(role_template(HostNeeds("two", "arn:aws:iam::1", {}, {"ApiPolicy0": DOCUMENT}), kind))
    assert [str(one) for one in lint(text, config=ManualArgs(regions=["us-east-1"]))] == []
