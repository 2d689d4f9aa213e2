"""The OpenAPI document never drifts: it is held against the template's routes and against what the handler reads."""

import ast
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from foreverus.api import schemas
from foreverus.api.openapi.document import component_name, document
from foreverus.api.openapi.operations import FORMS, operations
from foreverus.backends.request_schema import REQUEST_FILES
from foreverus.batches.records import BatchStatus, BatchTrigger
from foreverus.conversations.records import AnswerStatus, Role
from foreverus.files.records import FilePurpose
from foreverus.handlers import api, manage_account, manage_keys
from foreverus.handlers.routes import conversations, documents, memories, prompts
from foreverus.openai_api.application import PATHS, SPEECH_PATH, TRANSCRIPTION_PATH
from foreverus.sessions.records import Outcome, SessionStatus, SpendCap, Trigger
from foreverus.sessions.timeline import EventState
from tests.template.template import resources
from tests.unit.api.openapi.described import closed, followed, undescribed

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))
OPERATIONS = "src/foreverus/api/openapi/operations.json"
EXAMPLE = """  "{route}": {{
    "operation_id": "<verbNoun>", "group": "<Group>",
    "summary": "<what it is for>",
    "path": {{ "<each {{name}} of the path>": "<what it is>" }},
    "query": "<the schema that its query is checked by>", "body": {{ "application/json": "<the schema of r.body(…)>" }},
    "creates": true,   (where it uses r.attempt)
    "answers": {{ "200": ["<in words>", "<a shape of shapes.json>"] }},
    "errors": ["400", "404"]
  }}"""


HANDLERS = (api, manage_keys, manage_account)  # of the REST API
OF_THE_WEB_APPLICATION = {f"POST {path}": name for name, path in zip(REQUEST_FILES, PATHS.values(), strict=True)}
OF_THE_WEB_APPLICATION |= {f"POST {SPEECH_PATH}": "speech", f"POST {TRANSCRIPTION_PATH}": "transcription_form"}
ROUTES = {route for handler in HANDLERS for route in handler.ROUTES} | set(OF_THE_WEB_APPLICATION)


def routes() -> set[str]:
    """Of the template."""
    functions = resources("AWS::Serverless::Function").values()
    events = [event for one in functions for event in one.get("Events", {}).values() if event["Type"] == "Api"]
    return {f"{one['Properties']['Method'].upper()} {one['Properties']['Path']}" for one in events}


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def handlers() -> dict[str, ast.AST]:
    """Route → what its handler does for it."""
    found: dict[str, ast.AST] = {}
    for handler in (*HANDLERS, conversations, documents, memories, prompts):
        tree = ast.parse(Path(str(handler.__file__)).read_text(encoding="utf-8"))
        (table,) = [node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.value]
        assert isinstance(table, ast.Dict)
        found |= {ast.literal_eval(key): value for key, value in zip(table.keys, table.values, strict=True) if key}
    return found


def reads(handler: ast.AST) -> tuple[set[str], set[str]]:
    """(names that it reads of the request, schemas that it checks a body by)."""
    nodes = list(ast.walk(handler))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "r"}
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "r.body"]
    return names, {ast.literal_eval(node.args[0]) for node in calls}


def test_it_is_openapi() -> None:
    validate(DOCUMENT)
    validate(closed(DOCUMENT))


@pytest.mark.parametrize("route", sorted(routes() | ROUTES | set(operations())))
def test_every_route_is_in_template_handler_and_document(route: str) -> None:
    assert route in operations(), f"add to {OPERATIONS}:\n{EXAMPLE.format(route=route)}"
    assert route in routes(), f"add an event for {route} to its function in template.yaml, or remove it elsewhere"
    assert route in ROUTES, f"add {route} to ROUTES in src/foreverus/handlers/api.py, or remove it elsewhere"
    assert route in dict(described())


@pytest.mark.parametrize("route", sorted(operations()))
def test_the_document_says_what_the_handler_reads(route: str) -> None:
    if route in OF_THE_WEB_APPLICATION:
        assert list(operations()[route].body.values()) == [OF_THE_WEB_APPLICATION[route]]
        return
    operation, (names, checked) = operations()[route], reads(handlers()[route])
    where = f"of {route} in {OPERATIONS}"
    sent = {name for media, name in operation.body.items() if media != FORMS}
    assert sent == checked, f"body {where}: the handler checks {checked or 'none'}"
    assert bool(operation.query) == ("query" in names), f"query {where}: the schema that the query is checked by"
    assert operation.creates == ("attempt" in names), f"creates {where}: whether it uses r.attempt"
    in_path = set(re.findall(r"{(\w+)}", route))
    assert set(operation.path) == in_path, f"path {where} must have a description of each of {in_path}"


@pytest.mark.parametrize("route", sorted(operations()))
def test_a_route_is_described(route: str) -> None:
    operation = dict(described())[route]
    assert operation["summary"] and operation["operationId"] and operation["tags"]
    success = [status for status in operation["responses"] if status[0] in "23"]
    assert success or route == "POST /embeddings"
    assert {"401", "403", "429", "5XX"} <= set(operation["responses"])
    for one in operation["responses"].values():
        answer = followed(one)
        assert answer["description"]
    for parameter in operation["parameters"]:
        assert parameter.get("description") or parameter["schema"], parameter


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, operation in described()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("file", ["shapes.json", "operations.json"])
def test_nothing_is_described_twice(file: str) -> None:
    """JSON keeps the later of two with one name, and says nothing: a document once was whatever OpenAPI's is."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), sorted(name for name in set(names) if names.count(name) > 1)
        return dict(pairs)

    text = (files("foreverus.api.openapi") / file).read_text(encoding="utf-8")
    json.loads(text, object_pairs_hook=once)


def test_every_shape_is_used() -> None:
    text = json.dumps(DOCUMENT)
    unused = [
        f"{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in DOCUMENT["components"][kind]
        if f"#/components/{kind}/{name}" not in text
    ]
    assert unused == [], "remove them from shapes.json"


def test_what_may_be_sent_is_what_requests_are_checked_by() -> None:
    for name in {one for said in operations().values() for media, one in said.body.items() if media != FORMS}:
        shown, checked = DOCUMENT["components"]["schemas"][component_name(name)], schemas.schema(name)
        assert shown["required" if "required" in checked else "type"] == checked.get("required", "object")
        assert set(shown["properties"]) == set(checked["properties"])


def test_a_reader_is_told_in_whole_sentences() -> None:
    window = DOCUMENT["components"]["schemas"]["BatchCreate"]["properties"]["completion_window"]
    assert window["description"].startswith("Must be '24h'") and window["description"].endswith(".")


ENUMS: list[tuple[str, str, type[StrEnum]]] = [
    ("Session", "status", SessionStatus),
    ("Session", "trigger", Trigger),
    ("Session", "outcome", Outcome),
    ("SessionEvent", "state", EventState),
    ("Spend", "notice_cap", SpendCap),
    ("Batch", "status", BatchStatus),
    ("Message", "role", Role),
    ("File", "purpose", FilePurpose),
]


@pytest.mark.parametrize(("shape", "field", "words"), ENUMS, ids=lambda one: getattr(one, "__name__", one))
def test_words_are_the_records_words(shape: str, field: str, words: type[StrEnum]) -> None:
    shown = set(DOCUMENT["components"]["schemas"][shape]["properties"][field]["enum"]) - {None}
    assert shown == {one.value for one in words}, f"{shape}.{field} in shapes.json"


def test_words_within_shapes_are_the_records_words() -> None:
    shown = DOCUMENT["components"]["schemas"]
    triggers = shown["Batch"]["properties"]["foreverus"]["properties"]["trigger"]["enum"]
    assert set(triggers) - {None} == {one.value for one in BatchTrigger}
    statuses = set(shown["Message"]["properties"]["status"]["enum"])
    assert statuses == {"accepted"} | {one.value for one in AnswerStatus}


def answer(status: int, body: Any) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


MODEL = {"id": "m", "object": "model", "created": 0, "owned_by": "us", "context_window": 1, "backends": []}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(200, {"object": "list", "data": [MODEL]}), ""),
        (answer(200, {"object": "list", "data": [MODEL | {"new": 1}]}), "otherwise than shapes.json says"),
        (answer(200, {"object": "list", "data": [MODEL | {"created": "0"}]}), "is not of type 'integer'"),
        (answer(418, {}), "name it in operations.json"),
        (answer(200, {}) | {"headers": {"Content-Type": "text/html"}}, "as text/html"),
    ],
)
def test_the_check_of_answers_sees_what_is_not_described(given: dict[str, Any], words: str) -> None:
    found = undescribed("GET /models", given)
    assert words in found and bool(found) == bool(words)
