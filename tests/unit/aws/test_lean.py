"""What boto3 does anew for each call of ours, counted: what it compares with AWS's models, and the parts of its user
agent. The tests compare every request themselves (tests/aws_models.py)."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ParamValidationError
from botocore.regions import EndpointRulesetResolver
from botocore.useragent import UserAgentComponent
from botocore.validate import ParamValidationDecorator

from foreverus import bootstrap
from foreverus.aws import keys, lean
from foreverus.aws.dynamo import Table
from foreverus.worker.__main__ import make_clients
from tests.unit.conftest import Aws
from tests.unit.worker.harness import settings

KEY = keys.person_count_key("ana", "MESSAGES")
Clients = Callable[[str], Any]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    done: list[str] = []
    serialize, shown = ParamValidationDecorator.serialize_to_request, UserAgentComponent.to_string

    def checked(self: Any, parameters: Any, operation: Any) -> Any:
        done.append(f"checked {operation.name}")
        return serialize(self, parameters, operation)

    def told(self: Any) -> str:
        done.append(f"told {self.prefix}")
        return shown(self)

    monkeypatch.setattr(ParamValidationDecorator, "serialize_to_request", checked)
    monkeypatch.setattr(UserAgentComponent, "to_string", told)
    yield done


def of_functions(name: str) -> Any:
    return bootstrap.aws.client(name)


def of_the_worker(name: str) -> Any:
    return make_clients(settings())[name]


@pytest.mark.parametrize("clients", [of_functions, of_the_worker])
def test_a_call_of_the_table_is_neither_checked_nor_introduced_anew(
    aws: Aws, work: list[str], clients: Clients
) -> None:
    table = Table(clients("dynamodb"), aws.items.name)
    work.clear()
    table.put({**KEY, "version": 1})
    assert table.get(KEY) == {**KEY, "version": 1}
    assert work == []


def test_a_plain_client_does_both(aws: Aws, work: list[str]) -> None:
    """So that the test above sees it."""
    Table(boto3.client("dynamodb"), aws.items.name).get(KEY)
    assert "checked GetItem" in work and "told Boto3" in work


@pytest.mark.parametrize("clients", [of_functions, of_the_worker])
def test_where_the_table_is_is_not_worked_out_anew(aws: Aws, monkeypatch: pytest.MonkeyPatch, clients: Clients) -> None:
    worked_out: list[str] = []
    construct = EndpointRulesetResolver.construct_endpoint

    def noted(self: Any, operation_model: Any, *args: Any, **kwargs: Any) -> Any:
        worked_out.append(operation_model.name)
        return construct(self, operation_model, *args, **kwargs)

    monkeypatch.setattr(EndpointRulesetResolver, "construct_endpoint", noted)
    Table(clients("dynamodb"), aws.items.name).get(KEY)
    assert worked_out == []
    Table(boto3.client("dynamodb"), aws.items.name).get(KEY)
    assert worked_out == ["GetItem"], "a plain client does"


@pytest.mark.parametrize("service", sorted(lean.ONE_HOST - {"apigatewaymanagementapi"}))
@pytest.mark.parametrize("region", ["us-east-1", "sa-east-1", "us-gov-west-1", "cn-north-1"])
def test_the_host_that_is_kept_is_the_one_that_aws_rules_name(service: str, region: str) -> None:
    client = boto3.client(service, region, aws_access_key_id="one", aws_secret_access_key="two")
    sent: list[tuple[str, str]] = []

    def note(request: Any, **_: Any) -> AWSResponse:
        signed = request.headers["Authorization"]
        who = (signed.decode() if isinstance(signed, bytes) else signed).split("Credential=")[1].split(",")[0]
        sent.append((request.url, who))
        return AWSResponse(request.url, 200, {}, None)

    client.meta.events.register("before-send", note)
    name, parameters = {
        "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "a"}}}),
        "bedrock-runtime": ("converse", {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "a"}]}]}),
    }[service]
    for keep in (lambda _: None, lean.keep_host):
        keep(client)
        with suppress(Exception):  # the answer is none
            getattr(client, name)(**parameters)
    by_rules, kept = sent
    assert by_rules == kept


@pytest.mark.parametrize("service", ["bedrock-runtime", "rds-data", "sqs"])
def test_what_others_are_asked_is_still_checked(aws: Aws, service: str) -> None:
    """Whoever catches the refusal takes it for an answer; who is asked once in a while may take the time."""
    client = bootstrap.aws.client(service)
    assert client.meta.config.user_agent.startswith(lean.USER_AGENT)
    wrong = {
        "bedrock-runtime": ("converse", {"modelId": 7}),
        "rds-data": ("execute_statement", {"sql": 7, "resourceArn": "a", "secretArn": "b"}),
        "sqs": ("send_message", {"QueueUrl": "q", "MessageBody": 7}),
    }
    name, parameters = wrong[service]
    with pytest.raises(ParamValidationError):
        getattr(client, name)(**parameters)
