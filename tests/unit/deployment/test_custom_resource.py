"""CloudFormation gets an answer, whatever becomes of the work: without one it waits until its own limit."""

import importlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from foreverus.deployment import custom_resource
from foreverus.deployment.custom_resource import REASON_LIMIT, respond
from tests.template.template import resources, template

CONTEXT = SimpleNamespace(aws_request_id="r-1", function_name="f", get_remaining_time_in_millis=lambda: 1000)


class CloudFormation:
    """Where the answers go; `content_types`: as they came, because the address is signed without one."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str] = []
        self.lengths: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                outer.lengths.append(int(self.headers["Content-Length"]))
                outer.answers.append(json.loads(self.rfile.read(outer.lengths[-1])))
                outer.content_types.append(self.headers.get("Content-Type", ""))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def event(self, kind: str, **more: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.server.server_port}/"
        names = {"StackId": "arn:aws:cloudformation:x", "RequestId": "q-1", "LogicalResourceId": "One"}
        return {"RequestType": kind, "ResponseURL": url, "ResourceProperties": {"Config": {}}, **names, **more}


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    made = CloudFormation()
    yield made
    made.server.shutdown()
    made.server.server_close()


def handlers() -> list[str]:
    """The module of each function that a custom resource of the template calls."""
    functions = resources("AWS::Serverless::Function")
    tokens = [
        one["Properties"]["ServiceToken"]
        for one in template()["Resources"].values()
        if one["Type"].startswith("Custom::")
    ]
    names = {str(token).split("'")[3].split(".")[0] for token in tokens}
    return sorted(functions[name]["Handler"].removesuffix(".handler") for name in names)


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("module", handlers())
def test_function_whose_settings_are_wrong_answers(
    cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch, module: str, kind: str
) -> None:
    found = importlib.import_module(module)

    def broken() -> None:
        raise KeyError("SITE_BUCKET")

    monkeypatch.setattr(found, "build", broken)
    found.handler(cloudformation.event(kind, PhysicalResourceId="p-1"), CONTEXT)
    (answer,) = cloudformation.answers
    assert (answer["RequestId"], answer["PhysicalResourceId"]) == ("q-1", "p-1")
    assert answer["Status"] == "SUCCESS" or "SITE_BUCKET" in answer["Reason"]
    assert cloudformation.content_types == [""]


def test_there_are_as_many_as_the_template_has() -> None:
    assert len(handlers()) == 5


@pytest.mark.parametrize("text", ["x", "é", "😀", '"', "\n", "\x01", "\ud800"], ids=ascii)
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_failure_is_an_answer_with_its_reason_in_cloudformations_limit(
    cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    monkeypatch.setattr(
        custom_resource.logger, "exception", lambda _: None
    )  # pytest's workers cannot send half a character

    def fail(_: dict[str, Any]) -> dict[str, str]:
        raise ValueError(text * 9000)

    respond(cloudformation.event(kind), CONTEXT, fail, undo=fail)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED" and REASON_LIMIT - 4 < len(answer["Reason"].encode()) <= REASON_LIMIT
    assert answer["Reason"].startswith("ValueError: ")
    assert cloudformation.lengths[0] + 200 < 4096  # CloudFormation takes no longer answer; a stack's own id is longer
