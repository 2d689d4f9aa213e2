"""What a WebSocket is answered when its authorizer lets nobody in."""

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.emulator import ACCOUNT, REGION, Emulator
from tests.cloud import unique
from tests.local.machines import make_function

pytestmark = pytest.mark.cloud

SOURCE = """
def handler(event, context):
    raise Exception({word!r})
"""


def refusal(emulator: Emulator, word: str) -> int:
    """The status of a handshake whose authorizer raises that."""
    gateway, function = emulator.client("apigatewayv2"), make_function(emulator, SOURCE.format(word=word))
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    api = gateway.create_api(
        Name=unique("socket"), ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a"
    )
    authorizer = gateway.create_authorizer(
        ApiId=api["ApiId"],
        Name="authorize",
        AuthorizerType="REQUEST",
        AuthorizerUri=uri,
        IdentitySource=["route.request.querystring.token"],
    )
    target = gateway.create_integration(ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=uri)
    gateway.create_route(
        ApiId=api["ApiId"],
        RouteKey="$connect",
        AuthorizationType="CUSTOM",
        AuthorizerId=authorizer["AuthorizerId"],
        Target=f"integrations/{target['IntegrationId']}",
    )
    gateway.create_stage(ApiId=api["ApiId"], StageName="v1", AutoDeploy=True)
    emulator.client("lambda").add_permission(
        FunctionName=function,
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['ApiId']}/*",
    )
    address = f"{emulator.url.replace('http', 'ws', 1)}/_aws/execute-api/{api['ApiId']}/v1?token=x"
    with pytest.raises(InvalidStatus) as refused, connect(address, proxy=None, open_timeout=300):
        pass
    return int(refused.value.response.status_code)


@pytest.mark.parametrize(("word", "status"), [("Unauthorized", 401), ("a table that is away", 500)])
def test_an_authorizer_that_says_unauthorized_is_a_401(emulator: Emulator, word: str, status: int) -> None:
    assert refusal(emulator, word) == status


def test_emulator_still_answers_500(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    assert refusal(unpatched, "Unauthorized") == 500
