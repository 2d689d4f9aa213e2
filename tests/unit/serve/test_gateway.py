"""What the process answers in API Gateway's place is what template.yaml has API Gateway answer."""

import json
from typing import Any

import pytest

from foreverus.serve import gateway
from foreverus.serve.events import BINARY, STAGE
from foreverus.serve.gateway import GatewayRefusal
from tests.template.template import resources


def own() -> dict[str, Any]:
    (api,) = resources("AWS::Serverless::Api").values()
    return dict(api)


@pytest.mark.parametrize("refusal", [one for one in GatewayRefusal if not one.name.startswith("DEFAULT")])
def test_refusals_have_the_templates_words(refusal: GatewayRefusal) -> None:
    said = own()["GatewayResponses"][refusal.name]
    template = json.loads(said["ResponseTemplates"]["application/json"].replace("$context.requestId", "the-id"))
    assert (refusal.value.status, refusal.value.body("the-id")) == (said["StatusCode"], template)
    headers = {name: value.strip("'") for name, value in said["ResponseParameters"]["Headers"].items()}
    assert refusal.value.headers == {"Content-Type": "application/json", **headers}


@pytest.mark.parametrize("refusal", [GatewayRefusal.DEFAULT_4XX, GatewayRefusal.DEFAULT_5XX])
def test_other_refusals_have_the_templates_form(refusal: GatewayRefusal) -> None:
    said = own()["GatewayResponses"][refusal.name]
    text = said["ResponseTemplates"]["application/json"].replace("$context.requestId", "the-id")
    template = json.loads(text.replace("$context.error.messageString", json.dumps("some words")))
    assert refusal.value.saying(499, "some words").body("the-id") == template
    headers = {name: value.strip("'") for name, value in said["ResponseParameters"]["Headers"].items()}
    assert refusal.value.headers == {"Content-Type": "application/json", **headers}


def test_no_refusal_of_the_template_is_forgotten() -> None:
    """Of the process's own authorizer none is a policy that denies, and none is wrongly put together."""
    known = {one.name for one in GatewayRefusal} | {"ACCESS_DENIED", "AUTHORIZER_CONFIGURATION_ERROR"}
    assert own()["GatewayResponses"].keys() == known


def test_browsers_are_told_the_same() -> None:
    cors = own()["Cors"]
    told = {name: value.strip("'") for name, value in cors.items()}
    assert {
        "Content-Type": "application/json",
        "Access-Control-Allow-Origin": told["AllowOrigin"],
        "Access-Control-Allow-Headers": told["AllowHeaders"],
        "Access-Control-Allow-Methods": told["AllowMethods"],
        "Access-Control-Max-Age": told["MaxAge"],
    } == gateway.CORS_HEADERS


def test_stage_and_binary_types_are_the_templates() -> None:
    assert own()["StageName"] == STAGE
    assert [one.replace("~1", "/") for one in own()["BinaryMediaTypes"]] == [BINARY]


def test_routes_are_those_that_the_template_gives_to_the_functions() -> None:
    from foreverus.serve.functions import CHAT_ROUTES, HANDLERS
    from foreverus.serve.stack import FUNCTIONS

    routed: dict[str, str] = {}
    for name, function in resources("AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "Api":
                routed[f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"] = name
    assert routed.keys() == HANDLERS.keys() | CHAT_ROUTES
    assert {*routed.values(), "AuthorizeFunction"} == set(FUNCTIONS)
