"""The saved queries of the logs, on lines as our functions, the worker, Lambda and Step Functions write them."""

import json
import subprocess
import sys
from typing import Any

import pytest

from foreverus import logs
from tests import insights
from tests.template.template import ROOT, resources

QUERIES = resources("AWS::Logs::QueryDefinition")
GROUPS = resources("AWS::Logs::LogGroup")
# What a line has beside our ids: from foreverus/logs.py and Lambda's own runtime.
OURS = {"timestamp", "level", "message", "logger", "requestId", "errorType", "errorMessage", "stackTrace", "location"}
# Of Lambda's platform lines, and of Step Functions' (Developer Guides, "JSON log format" and "CloudWatch Logs").
PLATFORM = {"type", "record.requestId", "execution_arn", "details.error"}
INSIGHTS = {"@timestamp", "@message", "@log", "@logStream"}

PROGRAM = """
import logging
from foreverus import logs
log = logging.getLogger("foreverus.x")
class Context:
    aws_request_id = "request-1"
for number in (1, 2):
    event = {"requestContext": {"requestId": f"api-{number}"}, "pathParameters": {"conversation_id": f"conv_{number}"}}
    logs.start(event, Context)
    log.info("a line of conversation %d", number)
logs.start({"session_id": "ses_1"}, Context)
log.warning("a line of the session")
try:
    [][1]
except IndexError:
    log.exception("failed")
logs.start({"batch_id": "batch_1"}, Context)
log.error("a line of the batch")
"""


def lines() -> list[insights.Row]:
    """Ours, as the formatter writes them, and those of others."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    others: list[Any] = [
        {"type": "platform.report", "record": {"requestId": "request-1", "status": "success"}},
        {
            "type": "ExecutionFailed",
            "execution_arn": "arn:aws:states:us-east-1:1:execution:foreverus-gpu-session:ses_1",
            "details": {"error": "SessionLost", "cause": "…"},
        },
        {
            "timestamp": "2026-01-01T00:00:00Z",
            "message": "arn:x ended in ABORTED",
        },  # as the rule ExecutionFailed writes
        {"type": "ExecutionStarted", "execution_arn": "arn:aws:states:us-east-1:1:execution:x-batch-run:batch_1"},
    ]
    texts = [*done.stdout.splitlines(), *map(json.dumps, others), "vLLM API server version 0.11.0"]
    return [insights.row(text, "group", "ses_1/i-1" if "vLLM" in text else "s", at) for at, text in enumerate(texts)]


def found(name: str, words: str = "", value: str = "") -> list[insights.Row]:
    query = QUERIES[name]["QueryString"]
    assert not words or query.count(words) >= 1
    return insights.run(query.replace(words, value) if words else query, lines())


@pytest.mark.parametrize("name", QUERIES)
def test_query_names_fields_that_lines_have(name: str) -> None:
    named = insights.fields_of(QUERIES[name]["QueryString"])
    assert named and named <= {*OURS, *PLATFORM, *INSIGHTS, *logs.IDS}


def test_one_request_is_found_by_what_its_client_was_told_and_by_lambdas_id() -> None:
    assert [one["message"] for one in found("OneRequestQuery", "REQUEST ID", "api-2")] == ["a line of conversation 2"]
    assert len(found("OneRequestQuery", "REQUEST ID", "request-1")) == 6, "with Lambda's own report of it"


def test_one_conversation_is_found() -> None:
    (one,) = found("OneConversationQuery", "CONVERSATION ID", "conv_1")
    assert one["conversation_id"] == "conv_1"


def test_one_session_is_found_in_functions_machines_and_machines_journals() -> None:
    rows = found("OneSessionQuery", "SESSION ID", "ses_1")
    assert [one.get("message") for one in rows] == ["a line of the session", "failed", None, None]


def test_one_batch_is_found() -> None:
    assert len(found("OneBatchQuery", "BATCH ID", "batch_1")) == 2


def test_errors_are_counted_by_kind() -> None:
    rows = {(one["kind"], one.get("level")): one["times"] for one in found("ErrorsByKindQuery")}
    assert rows == {
        ("IndexError", "ERROR"): 1,
        ("foreverus.x", "ERROR"): 1,
        ("SessionLost", None): 1,
        ("arn:x ended in ABORTED", None): 1,
    }


def test_errors_are_looked_for_everywhere() -> None:
    asked = json.dumps(QUERIES["ErrorsByKindQuery"]["LogGroupNames"])
    assert [name for name in GROUPS if f'"{name}"' not in asked] == []


def test_what_the_evaluator_does_not_know_it_does_not_guess() -> None:
    for query in (
        "parse @message 'x'",
        'filter a = "x" and b = "y"',
        "fields strlen(a) as b",
        "stats avg(a) as b by c",
    ):
        with pytest.raises(insights.NotUnderstood):
            insights.run(query, [{"a": "x"}])
