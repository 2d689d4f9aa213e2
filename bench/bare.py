"""Functions on the laptop's cloud, the baselines of ours. Bare ones, which keep nothing: one that only pushes a frame,
one that only streams. And the least that keeps the same promises (bench/least/), each with the rights of ours: the
laptop's cloud takes longer to find a right to some items than one to all."""

import io
import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

from bench.cold_start import WEB
from local.cloud import Cloud

PUSHING = """
import json, os, boto3
client = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CALLBACK_URL"])
def handler(event, context):
    client.post_to_connection(ConnectionId=event["connection"], Data=json.dumps(event["frame"]).encode())
"""

# The same server as ours, which answers every request with one word.
STREAMING = """
import os, uvicorn
async def app(scope, receive, send):
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for body, more in ((b'data: {"delta":{"content":"1"}}\\n\\n', True), (b"data: [DONE]\\n\\n", False)):
        await send({"type": "http.response.body", "body": body, "more_body": more})
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["AWS_LWA_PORT"]), loop="asyncio", http="h11", ws="none",
            lifespan="off", log_config=None, access_log=False, timeout_keep_alive=86400)
"""
STREAMED = "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{}/response-streaming-invocations"
INVOKED = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
KEYS, LIKE = "dynamodb:LeadingKeys", "ForAllValues:StringLike"  # which items a right is for
LEAST = Path(__file__).parent / "least"
WEB_SERVER = 'PYTHONPATH="$LAMBDA_TASK_ROOT:$PYTHONPATH" exec python3 -m {}\n'


class BareFunctions:
    """Made for one run; `close` takes the functions away, the cloud's end the rest."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.functions = cloud.emulator.client("lambda")
        self.name = f"bare-{uuid.uuid4().hex[:8]}"
        self._made: list[str] = []

    def pushing(self) -> str:
        """Its name. It is invoked with `{connection, frame}`."""
        callback = self.variables("ApiFunction")["WEBSOCKET_CALLBACK_URL"]
        self._make("push", {"bare.py": PUSHING}, "bare.handler", {"CALLBACK_URL": callback})
        return self.made("push")

    def streaming(self) -> str:
        """The path of a route of our own API, behind the same authorizer and the same kind of integration as OpenAI's
        routes."""
        files = {"bare.py": STREAMING, "bare.sh": WEB_SERVER.format("bare")}
        return self._route("bare", STREAMED.format(self._make("stream", files, "bare.sh", {"PYTHONPATH": str(WEB)})))

    def least_streaming(self) -> str:
        """The path of the least OpenAI API."""
        files = {**_least("stream", "calls"), "stream.sh": WEB_SERVER.format("stream")}
        variables = {"PYTHONPATH": str(WEB), **self._places()}
        made = self._make("least", files, "stream.sh", variables, rights_of="ChatCompletionsFunction")
        return self._route("least", STREAMED.format(made))

    def least_chat(self) -> str:
        """The path to which a message is posted: `{id, connection, content}`. Its first word comes to the connection
        in a frame `bench` with that id."""
        files = _least("answer", "calls")
        rights_of = "AnswerConversationFunction"
        answer = self._make("answer", files, "answer.handler", self._places(), rights_of=rights_of)
        variables, files = {**self._places(), "ANSWER_FUNCTION": answer}, _least("accept", "calls")
        accept = self._make("accept", files, "accept.handler", variables, rights_of="ApiFunction")
        return self._route("accept", INVOKED.format(accept))

    def _places(self) -> dict[str, str]:
        ours = self.variables("ApiFunction")
        return {
            "TABLE_NAME": self.cloud.stack["TableName"],
            "BEDROCK_MODEL_ID": ours["BEDROCK_MODEL_ID"],
            "CALLBACK_URL": ours["WEBSOCKET_CALLBACK_URL"],
        }

    def _route(self, path: str, uri: str) -> str:
        api = self.cloud.emulator.client("apigateway")
        api_id = next(one["id"] for one in api.get_rest_apis()["items"] if one["id"] in self.cloud.outputs["api_url"])
        (root,) = (one for one in api.get_resources(restApiId=api_id, limit=500)["items"] if one["path"] == "/")
        resource = api.create_resource(restApiId=api_id, parentId=root["id"], pathPart=path)["id"]
        where = {"restApiId": api_id, "resourceId": resource, "httpMethod": "POST"}
        (authorizer,) = api.get_authorizers(restApiId=api_id)["items"]
        api.put_method(**where, authorizationType="CUSTOM", authorizerId=authorizer["id"])
        api.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        api.create_deployment(restApiId=api_id, stageName="v1")
        return f"/{path}"

    def close(self) -> None:
        for name in self._made:
            self.functions.delete_function(FunctionName=name)

    def ours(self, function: str) -> str:
        """The name of the stack's function that the template calls so."""
        names = (one["FunctionName"] for one in self.functions.list_functions(MaxItems=200)["Functions"])
        return next(str(one) for one in names if f"-{function}-" in one or one.endswith(f"-{function}"))

    def made(self, what: str) -> str:
        """The name of the function that was made here for that."""
        return f"{self.name}-{what}"

    def variables(self, function: str) -> dict[str, str]:
        found = self.functions.get_function_configuration(FunctionName=self.ours(function))["Environment"]["Variables"]
        return dict(found)

    def _make(
        self, what: str, files: dict[str, str], handler: str, variables: dict[str, str], *, rights_of: str = ""
    ) -> str:
        """Its ARN. `rights_of`: our function whose rights it has, with items of its own."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            for name, text in files.items():
                package.writestr(name, text)
        name = self.made(what)
        made = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=self._role(name, rights_of),
            Handler=handler,
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": variables},
        )
        self._made.append(name)
        self.functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return str(made["FunctionArn"])

    def _role(self, name: str, rights_of: str) -> str:
        iam = self.cloud.emulator.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(Principal="lambda.amazonaws.com"))
        rights = self._rights(rights_of) if rights_of else {"push": _policy(Action="execute-api:ManageConnections")}
        for policy, document in {**rights, "call": _policy(Action="lambda:InvokeFunction")}.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
        return str(role["Role"]["Arn"])

    def _rights(self, function: str) -> dict[str, str]:
        """The policies of our function's role, by name. Each right to touch items is one to touch the least's too."""
        iam = self.cloud.emulator.client("iam")
        configuration = self.functions.get_function_configuration(FunctionName=self.ours(function))
        role = configuration["Role"].rpartition("/")[2]
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        found = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
        return {name: json.dumps(with_items_of_the_least(document)) for name, document in found.items()}


def with_items_of_the_least(document: dict[str, Any]) -> dict[str, Any]:
    """They stand first, where the emulator finds them with the fewest looks."""
    for statement in document["Statement"]:
        touched = statement.get("Condition", {}).get(LIKE, {})
        if KEYS in touched:
            touched[KEYS] = ["BENCH#*", *touched[KEYS]]
    return document


def _least(*modules: str) -> dict[str, str]:
    return {f"{name}.py": (LEAST / f"{name}.py").read_text() for name in modules}


def _policy(Principal: str = "", Action: str = "sts:AssumeRole") -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": Action}
    statement |= {"Principal": {"Service": Principal}} if Principal else {"Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
