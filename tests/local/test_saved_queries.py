"""The template's saved queries find what a real session and a real batch have left in the logs."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.emulator import Emulator
from local.person import Person
from tests import insights
from tests.cloud import unique
from tests.local.batches import finished, openai, questions, submit
from tests.local.sessions import wait_until
from tests.local.test_last_log import dead_machine
from tests.template.template import resources

pytestmark = pytest.mark.cloud


def rows(cloud: Cloud) -> list[insights.Row]:
    """Every line of every function, and of the GPU machines' journals."""
    client, found = cloud.emulator.client("logs"), []
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for part in client.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in part["events"]:
                    for line in event["message"].splitlines():
                        found.append(insights.row(line, name, event["logStreamName"], event["timestamp"]))
    return found


def query(name: str, words: str, value: str) -> str:
    text: str = resources("AWS::Logs::QueryDefinition")[name]["QueryString"]
    return text.replace(words, value)


def saved(emulator: Emulator, group: str) -> str:
    """The status of a stack that saves a query for that log group; "refused" where the template is no good."""
    resources = {
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/saved/there"}},
        "Query": {
            "Type": "AWS::Logs::QueryDefinition",
            "DependsOn": "Log",
            "Properties": {"Name": "q", "QueryString": "fields @message", "LogGroupNames": [group]},
        },
    }
    formation, name = emulator.client("cloudformation"), unique("queries")
    try:
        formation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    except ClientError:
        return "refused"
    status = [""]

    def rests() -> bool:
        status[0] = formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        return not status[0].endswith("IN_PROGRESS")

    wait_until(rests, "the stack rests")
    formation.delete_stack(StackName=name)
    return status[0]


def test_a_query_is_saved_for_log_groups_that_are_there(emulator: Emulator) -> None:
    assert saved(emulator, "/saved/there") == "CREATE_COMPLETE"
    assert saved(emulator, "/saved/nowhere") != "CREATE_COMPLETE"


def test_emulator_still_takes_no_saved_query(unpatched: Emulator) -> None:
    """The day this fails, the emulator has them: delete the patch."""
    assert saved(unpatched, "/saved/there") != "CREATE_COMPLETE"


def test_a_session_and_a_batch_are_found_by_their_ids(cloud: Cloud, person: Person) -> None:
    client = openai(cloud)
    batch = finished(client, submit(client, questions(2), backend="bedrock"))
    session_id, _ = dead_machine(cloud, person)  # its last lines are kept
    person.end_session(session_id)
    lines = rows(cloud)
    of_session = insights.run(query("OneSessionQuery", "SESSION ID", session_id), lines)
    assert any("CloseSession" in one["@log"] for one in of_session)
    worker = [one for one in of_session if "/machines" in one["@log"] and "session_id" in one]
    assert worker, "the last lines of its machine, with their fields"
    assert {one.get("session_id", session_id) for one in of_session} == {session_id}
    of_batch: list[dict[str, Any]] = insights.run(query("OneBatchQuery", "BATCH ID", batch.id), lines)
    assert of_batch and {one["batch_id"] for one in of_batch} == {batch.id}


def test_every_line_of_ours_is_json_with_the_invocations_id(cloud: Cloud, person: Person) -> None:
    begun = (
        1000 * time.time()
    )  # earlier tests were refused, and Lambda tells of an authorizer's refusal as of any error
    person.call("GET", "/sessions")
    client = openai(cloud)
    finished(client, submit(client, questions(1), backend="bedrock"))
    platform = ("START ", "END ", "REPORT ", "INIT_START ")  # JSON on AWS, where LoggingConfig says so
    for one in rows(cloud):
        if one["@timestamp"] < begun:
            continue
        is_metric = "source" in one and "stack" in one  # a line for CloudWatch, which makes a figure of it
        if "/cloudformation/" in one["@log"] and not one["@message"].startswith(platform) and not is_metric:
            assert one.get("requestId") and one.get("level") and one.get("message"), one["@message"]


def refused(person: Person) -> tuple[str, str]:
    """(the request's id, its conversation) of a message that the API does not take."""
    conversation = str(person.call("POST", "/conversations", {"title": "A test"})["id"])
    answer = person.http.post(f"/conversations/{conversation}/messages", json={"content": "   "})
    assert answer.status_code == 400
    return answer.headers["x-request-id"], conversation


def test_a_request_and_a_conversation_are_found_by_their_ids(cloud: Cloud, person: Person) -> None:
    request, conversation = refused(person)
    refused(person)  # another one, which neither query finds
    lines = rows(cloud)
    for name, words, value in (
        ("OneRequestQuery", "REQUEST ID", request),
        ("OneConversationQuery", "CONVERSATION ID", conversation),
    ):
        found = insights.run(query(name, words, value), lines)
        assert {one["conversation_id"] for one in found} == {conversation}, name
        assert any("ApiLog" in one["@log"] and "400" in one["message"] for one in found), name


def test_errors_are_counted_by_kind_with_the_place_of_the_last(cloud: Cloud, person: Person) -> None:
    """Of a function that is called with what API Gateway never sends: it says what failed in it, twice."""
    functions = cloud.emulator.client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    names = [one["FunctionName"] for page in pages for one in page["Functions"]]
    (name,) = [one for one in names if "-ApiFunction" in one]
    context = {"requestId": "nobody's", "authorizer": {"user_id": "nobody"}}
    event = {"httpMethod": "POST", "resource": "/conversations", "body": 5, "requestContext": context}
    before = errors(cloud)
    for _ in range(2):
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read()
        assert json.loads(answer)["statusCode"] == 500
    more = {kind: times - before.get(kind, 0) for kind, times in errors(cloud).items() if times != before.get(kind)}
    ((kind, times),) = more.items()
    assert (kind[-5:], times) == ("Error", 2)


def errors(cloud: Cloud) -> dict[str, int]:
    """How often each kind stands in the API's log."""
    found = insights.run(query("ErrorsByKindQuery", "", ""), rows(cloud))
    assert all(one["kind"] and one["times"] > 0 and one["last"] for one in found)
    return {one["kind"]: one["times"] for one in found if "ApiLog" in one["place"]}
