"""CORS, error shapes and binary bodies of a REST API that a SAM template declares."""

import json
import time
import urllib.error
import urllib.request

import pytest

from local.emulator import Emulator
from tests.cloud import unique

pytestmark = pytest.mark.cloud

# As SAM writes it from `Cors` and `GatewayResponses`.
BODY = {
    "openapi": "3.0.1",
    "info": {"title": "test", "version": "1.0"},
    "paths": {
        "/things": {
            "options": {
                "responses": {
                    "200": {
                        "description": "preflight",
                        "headers": {"Access-Control-Allow-Origin": {"schema": {"type": "string"}}},
                    }
                },
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
                    "responses": {
                        "default": {
                            "statusCode": "200",
                            "responseTemplates": {"application/json": "{}\n"},
                            "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
                        }
                    },
                },
            }
        }
    },
    "x-amazon-apigateway-binary-media-types": ["multipart/form-data"],
    "x-amazon-apigateway-gateway-responses": {
        "MISSING_AUTHENTICATION_TOKEN": {
            "statusCode": 404,
            "responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
            "responseTemplates": {"application/json": '{"error": "no such route"}'},
        }
    },
}


def deploy(emulator: Emulator) -> str:
    """A stack with that API; returns the address of its stage."""
    # As SAM writes it: CloudFormation's property spells the type in its own way.
    properties = {"Body": BODY, "BinaryMediaTypes": ["multipart~1form-data"]}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": properties},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"},
        },
    }
    template = json.dumps({"Resources": resources, "Outputs": {"Api": {"Value": {"Ref": "Api"}}}})
    formation, stack = emulator.client("cloudformation"), unique("api")
    formation.create_stack(StackName=stack, TemplateBody=template)
    deadline = time.monotonic() + 20
    while (found := formation.describe_stacks(StackName=stack)["Stacks"][0])["StackStatus"] != "CREATE_COMPLETE":
        assert time.monotonic() < deadline, found["StackStatus"]
        time.sleep(0.05)
    return f"{emulator.url}/_aws/execute-api/{found['Outputs'][0]['OutputValue']}/v1"


def call(url: str, method: str) -> tuple[int, str | None, str]:
    """Status, the allowed origin, the body."""
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers.get("Access-Control-Allow-Origin"), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Access-Control-Allow-Origin"), error.read().decode()


def test_browsers_preflight_is_answered(emulator: Emulator) -> None:
    status, origin, _ = call(deploy(emulator) + "/things", "OPTIONS")
    assert (status, origin) == (200, "*")


def test_errors_of_the_gateway_have_our_shape(emulator: Emulator) -> None:
    assert call(deploy(emulator) + "/nothing", "GET") == (404, "*", '{"error": "no such route"}')


def binary_media_types(emulator: Emulator, url: str) -> list[str]:
    api_id = url.rsplit("/", 2)[1]
    return list(emulator.client("apigateway").get_rest_api(restApiId=api_id).get("binaryMediaTypes", []))


def test_uploads_are_binary(emulator: Emulator) -> None:
    assert binary_media_types(emulator, deploy(emulator)) == ["multipart/form-data"]


def test_emulator_still_imports_none_of_it(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    url = deploy(unpatched)
    assert call(url + "/things", "OPTIONS")[1] is None
    assert call(url + "/nothing", "GET")[0] == 403
    assert binary_media_types(unpatched, url) == ["multipart~1form-data"]
