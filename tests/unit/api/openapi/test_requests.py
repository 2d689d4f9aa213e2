"""Every route is asked what the document allows, and what it does not: schemathesis makes the requests of it.

No answer is an error of ours, none is undescribed, what breaks the document is refused, and what keeps to it is refused
for reasons that no schema can know. `REQUESTS` of them altogether, the same ones each time.
"""

import json
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from foreverus.api.openapi.operations import operations
from tests.unit import batch_events, test_events
from tests.unit.api.openapi.described import strict_document
from tests.unit.api.openapi.gateway import Gateway
from tests.unit.conftest import Aws

REQUESTS = int(os.environ.get("REQUESTS", "200"))  # `make faults` asks more
EACH = max(7, REQUESTS // len(operations()) + 1)  # of fewer, none may be valid for a route

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
# Why a request that keeps to its schema is refused all the same: (code, field).
REASONS = {
    ("invalid_field", "after"),  # no id of that list
    ("invalid_field", "version"),  # no message of that conversation
    ("invalid_field", "input_file_id"),  # no place that may be read
    ("invalid_field", "purpose"),  # blank, in a query
    ("invalid_field", "from"),  # no day of that month, or too long ago
    ("invalid_field", "to"),  # likewise, or before `from`
    ("invalid_field", "group_by"),  # one name twice
    ("invalid_form", None),  # Werkzeug leaves out a line break behind an empty file
    ("invalid_json", None),  # a schema knows nothing of half characters and such
    ("batch_is_over", "batch_id"),
    ("context_length_exceeded", "content"),
    ("unsupported_parameter", "temperature"),  # more than Bedrock takes, in a conversation that is set to it
    ("unsupported_parameter", "backend"),  # likewise, the other way about
    ("file_not_uploaded", "input_file_id"),
    *(
        ("invalid_field", name) for name in ("created_at", "updated_at", "asked_at", "answered_at")
    ),  # no times, or to come
    ("file_too_large", "bytes"),
    ("images_off", "messages"),  # as the deployment is set
}
# What is there: test_events.py's world.
KNOWN = {
    "session_id": test_events.SESSION,
    "conversation_id": test_events.CONVERSATION,
    "message_id": test_events.MESSAGE,
    "file_id": batch_events.FILE,
    "batch_id": batch_events.BATCH,
}
world, push = test_events.world, test_events.push  # fixtures


def api(gateway: Gateway) -> Any:
    document = json.loads(json.dumps(strict_document()))
    schema = schemathesis.openapi.from_dict(document | {"servers": [{"url": "http://localhost/"}]})
    schema.app = gateway
    return schema


def requests(gateway: Gateway, route: str) -> st.SearchStrategy[Case]:
    """Valid ones with ids that are there and with any; invalid ones."""
    method, path = route.split(" ")
    said, asked = operations()[route], api(gateway)[path][method]
    known = {name: KNOWN[name] for name in said.path if name in KNOWN} or None
    kinds = [asked.as_strategy(GenerationMode.POSITIVE, path_parameters=known)]
    if known:
        kinds.append(asked.as_strategy(GenerationMode.POSITIVE))
    if said.path or said.query or said.body:
        kinds.append(asked.as_strategy(GenerationMode.NEGATIVE, path_parameters=known))
    return st.one_of(kinds)


@pytest.mark.parametrize("route", sorted(operations()))
def test_every_answer_is_described_and_none_is_an_error_of_ours(world: Aws, route: str) -> None:
    gateway = Gateway()

    @settings(
        derandomize=True, database=None, deadline=None, max_examples=EACH, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(requests(gateway, route))
    def each(case: Case) -> None:
        if case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
            case.headers["Authorization"] = "Bearer fu_key"  # what is made up may be blank, seven times of seven
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code == 400 and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
            error = answer.json()["error"]
            assert (error["code"], error["param"]) in REASONS, f"valid for the document, and refused: {error}"

    each()
    assert gateway.answered
