"""What public samples do with a list of prompts and an endpoint: a state machine that polls for its health, then a Map
state with one Lambda and one request for each line. Deployed into the laptop's cloud beside our own stack.
"""

import io
import json
import time
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

from local.cloud import Cloud

# The samples that look every 30 or 60 seconds would lose more.
POLL_S = 5

CODE = """
import json, urllib.error, urllib.request

def handler(event, context):
    try:
        if "body" not in event:
            with urllib.request.urlopen(event["url"] + "/health", timeout=5) as answer:
                return {"healthy": answer.status == 200}
        data = json.dumps(event["body"]).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(event["url"] + "/v1/chat/completions", data, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return {"tokens": json.load(answer)["usage"]["completion_tokens"]}
    except urllib.error.URLError:
        if "body" in event:
            raise
        return {"healthy": False}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """`transitions`: states entered. `answered`: lines with an answer."""

    seconds: float
    transitions: int
    answered: int
    completion_tokens: int


class Pattern:
    """Makes its role, Lambda and state machine; `close` removes them."""

    def __init__(self, cloud: Cloud, at_once: int):
        client = cloud.emulator.client
        self.machines, self.functions, self.roles = client("stepfunctions"), client("lambda"), client("iam")
        self.name = f"pattern-{uuid.uuid4().hex[:8]}"
        services = ["lambda.amazonaws.com", "states.amazonaws.com"]
        trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
        role = self.roles.create_role(RoleName=self.name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
        self.roles.put_role_policy(RoleName=self.name, PolicyName="invoke", PolicyDocument=_policy(invoke))
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.writestr("one.py", CODE)
        function = self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Role=role,
            Handler="one.handler",
            Timeout=150,
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]
        self.functions.get_waiter("function_active_v2").wait(FunctionName=self.name)
        definition = json.dumps(machine(function, at_once))
        made = self.machines.create_state_machine(name=self.name, definition=definition, roleArn=role)
        self.arn = made["stateMachineArn"]

    def run(self, url: str, bodies: list[dict[str, Any]], patience_s: float = 600) -> Run:
        """Raises RuntimeError when the execution does not succeed."""
        begun, began_at = time.perf_counter(), time.time()
        given = {"url": url, "lines": bodies}
        execution = self.machines.start_execution(stateMachineArn=self.arn, input=json.dumps(given))["executionArn"]
        while (found := self.machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.perf_counter() - begun > patience_s:
                raise RuntimeError(f"the pattern is not through after {patience_s:.0f} s")
            time.sleep(0.5)
        if found["status"] != "SUCCEEDED":
            raise RuntimeError(f"the pattern's execution {found['status']}: {found.get('cause')}")
        answers = json.loads(found["output"])
        seconds = found["stopDate"].timestamp() - began_at
        tokens = sum(answer["tokens"] for answer in answers)
        entered = states_entered(self.machines, execution)
        # The emulator's history leaves out what happens inside a Map. AWS bills each state that an iteration enters.
        unseen = len(answers) - entered.count("Ask")
        return Run(seconds, len(entered) + unseen, len(answers), tokens)

    def close(self) -> None:
        self.machines.delete_state_machine(stateMachineArn=self.arn)
        self.functions.delete_function(FunctionName=self.name)
        self.roles.delete_role_policy(RoleName=self.name, PolicyName="invoke")
        self.roles.delete_role(RoleName=self.name)


def machine(function: str, at_once: int) -> dict[str, Any]:
    """Inline Map with as many iterations at once as the engine has slots: more would only wait in the engine."""
    lambda_task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
    ask = {
        **lambda_task,
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Check health",
        "States": {
            "Check health": {
                **lambda_task,
                "Arguments": {"FunctionName": function, "Payload": {"url": "{% $states.input.url %}"}},
                "Assign": {
                    "healthy": "{% $states.result.Payload.healthy %}",
                    "lines": "{% $states.input.lines %}",
                    "url": "{% $states.input.url %}",
                },
                "Output": "{% $states.input %}",
                "Next": "Is it healthy?",
            },
            "Is it healthy?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $healthy %}", "Next": "Ask each"}],
                "Default": "Wait",
            },
            "Wait": {"Type": "Wait", "Seconds": POLL_S, "Next": "Check health"},
            "Ask each": {
                "Type": "Map",
                "Items": "{% $lines %}",
                "ItemSelector": {"url": "{% $url %}", "body": "{% $states.context.Map.Item.Value %}"},
                "MaxConcurrency": at_once,
                "ItemProcessor": {"StartAt": "Ask", "States": {"Ask": ask}},
                "End": True,
            },
        },
    }


def states_entered(machines: Any, execution: str) -> list[str]:
    """What Step Functions bills: one transition for each state that is entered."""
    pages = machines.get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [event for page in pages for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
