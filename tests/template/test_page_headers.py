"""What a browser lets the page do is in the answers' headers, and as little as the page needs."""

import json
import re

import pytest

from tests.template.page_headers import directives, page_headers
from tests.template.template import ROOT, template
from tests.template.test_origins import REGIONS, allowed, deployed

SECURE = ("https://", "wss://")
GATEWAY_RESPONSES = template()["Resources"]["Api"]["Properties"]["GatewayResponses"]


def policy(region: str = "us-east-1") -> dict[str, list[str]]:
    return directives(page_headers(deployed(region))["Content-Security-Policy"])


def permissions(voice: str) -> dict[str, str]:
    """Of what a machine has, who may use it: `()` is nobody."""
    header = page_headers({**deployed("us-east-1"), "Voice": voice})["Permissions-Policy"]
    return dict(part.strip().split("=") for part in header.split(","))


def test_the_page_may_ask_for_the_microphone_where_somebody_listens_and_for_nothing_else() -> None:
    off, on = permissions("off"), permissions("managed")
    assert (off["microphone"], on["microphone"]) == ("()", "(self)")
    assert {**on, "microphone": "()"} == off


def test_nothing_runs_that_is_not_the_pages_own_file() -> None:
    rules = policy()
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert "unsafe" not in page_headers(deployed("us-east-1"))["Content-Security-Policy"]
    assert rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == ["'none'"]


@pytest.mark.parametrize("region", REGIONS)
def test_it_connects_to_this_stack_and_of_rest_apis_to_this_regions(region: str) -> None:
    own, *others = policy(region)["connect-src"]
    rest = f"https://*.execute-api.{region}.amazonaws.com"
    assert own == "'self'" and rest in others
    exact = {one for one in allowed(region) if not re.fullmatch(r"https://\w+\.execute-api\..*", one)}
    assert set(others) - {rest} == exact and len(exact) == 3
    assert all(one.startswith(SECURE) for one in others)


def test_the_pages_own_policy_has_the_same_rules() -> None:
    """Whoever serves the page from elsewhere (Page=none) has that one alone. A meta tag takes no frame-ancestors."""
    source = (ROOT / "frontend" / "vite.config.ts").read_text()
    listed = re.search(r"const POLICY = \[(.*?)\]", source, re.DOTALL)
    assert listed is not None
    own = directives("; ".join(re.findall(r'^\s*"([^"]+)",', listed[1], re.MULTILINE)))
    sent = policy()
    assert {name for name in sent if sent[name] != own.get(name)} == {"connect-src", "frame-ancestors"}
    assert set(own) < set(sent)


def test_the_other_headers() -> None:
    headers = page_headers(deployed("us-east-1"))
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert headers["Referrer-Policy"] == "no-referrer"
    denied = permissions("off")
    assert set(denied.values()) == {"()"} and {"camera", "microphone", "geolocation", "usb"} <= set(denied)
    distribution = template()["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert distribution["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {"Ref": "PageHeaders"}
    assert "CacheBehaviors" not in distribution


@pytest.mark.parametrize("name", GATEWAY_RESPONSES)
def test_what_api_gateway_answers_itself_is_kept_by_nobody_and_taken_for_nothing_else(name: str) -> None:
    headers = GATEWAY_RESPONSES[name]["ResponseParameters"]["Headers"]
    assert headers["X-Content-Type-Options"] == "'nosniff'"
    assert headers["Cache-Control"] == "'no-store'"


@pytest.mark.parametrize("name", GATEWAY_RESPONSES)
def test_what_api_gateway_answers_itself_names_the_request_and_a_page_may_read_it(name: str) -> None:
    answer = GATEWAY_RESPONSES[name]
    body = answer["ResponseTemplates"]["application/json"].replace("$context.error.messageString", '"words"')
    assert json.loads(body)["request_id"] == "$context.requestId"
    assert "X-Amzn-RequestId" in answer["ResponseParameters"]["Headers"]["Access-Control-Expose-Headers"]
