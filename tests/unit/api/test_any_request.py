"""No request of a client is an error of ours, whatever stands in it: every route, through the real handler."""

import base64
import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus.handlers import api, manage_account, manage_keys
from tests.unit.conftest import Aws

TEXT = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(
    [
        "conv_" + "0" * 28,
        "file_" + "f" * 28,
        "x" * 5000,
        "é" * 600,
        "\u200b",
        "\u0000",
        "s3://data/inputs/é",
        "24h",
        "batch",
    ]
)
ODD = st.sampled_from([1e-200, 10**400, -0.0, 5.0, 1e300, float("nan"), float("inf"), 2**63, True])
VALUE = st.recursive(
    st.none() | st.integers() | st.floats() | ODD | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["content", "max_tokens", "temperature", "title", "system", "idle_seconds", "allow_on_demand", "filename"]
FIELDS += [
    "name",
    "expires_at",
    "can_create_keys",
    "purpose",
    "bytes",
    "input_file_id",
    "endpoint",
    "completion_window",
    "metadata",
]
KNOWN = {
    "name": "laptop",
    "purpose": "batch",
    "endpoint": "/v1/completions",
    "completion_window": "24h",
    "filename": "a",
    "bytes": 5,
}
NEARLY = st.dictionaries(st.sampled_from(FIELDS), VALUE, max_size=3)
SOME = st.sets(st.sampled_from(sorted(KNOWN))).map(lambda names: {name: KNOWN[name] for name in sorted(names)})
OBJECT = st.tuples(NEARLY, SOME).map(lambda both: json.dumps(both[0] | both[1]))
BODY = st.none() | TEXT | VALUE.map(json.dumps) | OBJECT
HEADERS = st.dictionaries(st.sampled_from(["Idempotency-Key", "content-type"]), TEXT, max_size=2)
QUERY = st.none() | st.dictionaries(st.sampled_from(["limit", "after", "order", "purpose"]) | TEXT, TEXT, max_size=2)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    method, resource = draw(st.sampled_from(sorted([*api.ROUTES, *manage_keys.ROUTES, *manage_account.ROUTES]))).split(
        " "
    )
    body, is_base64 = draw(BODY), draw(st.booleans())
    if body and is_base64 and draw(st.booleans()):
        body = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode()
    return {
        "httpMethod": method,
        "resource": resource,
        "path": resource,
        "pathParameters": {name: draw(TEXT) for name in re.findall(r"{(\w+)}", resource)} or None,
        "queryStringParameters": draw(QUERY),
        "headers": draw(HEADERS),
        "body": body,
        "isBase64Encoded": is_base64,
        "requestContext": {"authorizer": {"user_id": "ana", "can_create_keys": "true"}},
    }


@settings(
    derandomize=True, database=None, deadline=None, max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(requests())
def test_no_request_is_an_error_of_ours(aws: Aws, request: dict[str, Any]) -> None:
    function = request["resource"].split("/")[1]
    handler = {"keys": manage_keys, "me": manage_account}.get(function, api)
    answer = handler.handler(request, None)
    assert answer["statusCode"] < 500, answer
    answer["body"].encode()
    if answer["statusCode"] >= 400:
        error = json.loads(answer["body"])["error"]
        assert error["message"] and error["type"]
