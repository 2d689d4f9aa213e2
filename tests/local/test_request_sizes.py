"""How large a request of a REST API may be."""

import httpx
import pytest

from local.emulator import ACCOUNT, REGION, Emulator
from tests.cloud import unique
from tests.local.machines import make_function

pytestmark = pytest.mark.cloud

SOURCE = "def handler(event, context):\n    return {'statusCode': 200, 'body': str(len(event['body']))}\n"
MB = 1 << 20


def deploy(emulator: Emulator) -> str:
    """A REST API whose one route is a function's; returns the route's address."""
    gateway, function = emulator.client("apigateway"), make_function(emulator, SOURCE)
    api = gateway.create_rest_api(name=unique("sizes"))["id"]
    (root,) = gateway.get_resources(restApiId=api)["items"]
    things = gateway.create_resource(restApiId=api, parentId=root["id"], pathPart="things")["id"]
    route = {"restApiId": api, "resourceId": things, "httpMethod": "POST"}
    gateway.put_method(**route, authorizationType="NONE")
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    gateway.put_integration(**route, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    emulator.client("lambda").add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*",
    )
    gateway.create_deployment(restApiId=api, stageName="v1")
    return f"{emulator.url}/_aws/execute-api/{api}/v1/things"


def status(url: str, body: bytes) -> int:
    return httpx.post(url, content=body, timeout=300, trust_env=False).status_code


def test_api_gateway_and_lambda_have_their_limits(emulator: Emulator) -> None:
    url = deploy(emulator)
    assert status(url, b"x" * (6 * MB - 10_000)) == 200
    assert status(url, b"x" * (6 * MB)) == 413, "with the event around it"
    assert status(url, b'"' * (4 * MB)) == 413, "as a text within JSON"
    assert status(url, b"x" * (11 * MB)) == 413


def test_emulator_still_takes_requests_of_any_size(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    assert status(deploy(unpatched), b"x" * (11 * MB)) == 200
