"""`GET /v1/openapi.json`: OpenAPI 3.1, made of three things when somebody asks for it.

`operations.json` says of each route what it is for, `shapes.json` what answers look like; what may be sent stands in
api/schemas, by which requests are checked. Nothing is read at a cold start, and no file is generated that could differ
from these. tests/unit/api/openapi fails for a route that is not described, or not as the handler has it.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

from foreverus.api import schemas
from foreverus.api.openapi.operations import FORMS, Described, Operation, operations
from foreverus.api.responses import REQUEST_ID, Body
from foreverus.text import VISIBLE

DESCRIPTION = (
    "Your team's own model: conversations, batches as OpenAI's clients know them, and the GPU sessions that answer "
    "them. Errors have OpenAI's shape everywhere."
)

# What API Gateway may answer to any request, before the API is asked; and to one that has a body.
ALWAYS = ("401", "403", "429", "5XX")
WITH_A_BODY = ("413",)

# Status → its entry in shapes.json.
ERRORS = {
    "400": "BadRequest",
    "401": "NotAuthenticated",
    "402": "SpendCapReached",
    "403": "NotAllowed",
    "404": "NotFound",
    "409": "Conflict",
    "413": "TooLarge",
    "429": "TooManyRequests",
    "503": "NotAccepted",
    "5XX": "OurFault",
}

_IDEMPOTENCY_KEY: Body = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of your own for this request: the same request with the same key creates nothing more.",
    "schema": {"type": "string", "pattern": f"^$|{VISIBLE}"},
}
# A key of the table holds 1,000 bytes.
_ID: Body = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[!-~]+$"}


@cache
def document() -> Body:
    """The whole document."""
    shapes = _shapes()
    paths: dict[str, Body] = {}
    sent: Body = {}
    for route, operation in operations().items():
        method, path = route.split(" ")
        sent |= {component_name(name): _sent(name, media) for media, name in operation.body.items()}
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Forever Us", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "./", "description": "Where this document is"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**shapes["schemas"], **sent},
            "responses": {name: _named(error) for name, error in shapes["responses"].items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": shapes["bearer"]}},
        },
    }


def component_name(schema: str) -> str:
    """
    >>> component_name("session_create")
    'SessionCreate'
    """
    return "".join(word.capitalize() for word in schema.split("_"))


def _operation(path: str, operation: Operation) -> Body:
    parameters = [_path_parameter(name, operation.path[name]) for name in re.findall(r"{(\w+)}", path)]
    parameters += _query_parameters(operation.query) if operation.query else []
    parameters += [_IDEMPOTENCY_KEY] if operation.creates else []
    errors = sorted({*operation.errors, *ALWAYS, *(WITH_A_BODY if operation.body else ())})
    responses: Body = {status: _answer(said) for status, said in operation.answers.items()}
    responses |= {status: {"$ref": f"#/components/responses/{ERRORS[status]}"} for status in errors}
    made: Body = {
        "operationId": operation.operation_id,
        "tags": [operation.group],
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        "parameters": parameters,
        "responses": responses,
    }
    return made | ({"requestBody": _request_body(operation.body)} if operation.body else {})


def _named(error: Body) -> Body:
    """The answer of an error says by which id its request stands in the log."""
    words = "Of this request: whoever runs the stack finds it in the log by it"
    own = {REQUEST_ID: {"description": words, "schema": {"type": "string"}}}
    return {**error, "headers": {**cast(Body, error.get("headers", {})), **own}}


def _request_body(body: Mapping[str, str]) -> Body:
    """An empty body is `{}`: it may be left out where no field is needed."""
    content = {
        media: {"schema": {"$ref": f"#/components/schemas/{component_name(name)}"}} for media, name in body.items()
    }
    needed = all(media == FORMS or "required" in schemas.schema(name) for media, name in body.items())
    return {"required": needed, "content": content}


def _answer(said: Described) -> Body:
    if said.shape == "Location":
        address = {"required": True, "schema": {"type": "string", "format": "uri"}}
        return {"description": said.words, "headers": {"Location": address}}
    content = {said.media: {"schema": {"$ref": f"#/components/schemas/{said.shape}"}}}
    return {"description": said.words, "content": content}


def _path_parameter(name: str, words: str) -> Body:
    return {"name": name, "in": "path", "required": True, "description": words, "schema": _ID}


def _query_parameters(name: str) -> list[Body]:
    needed = schemas.schema(name).get("required", [])
    fields = _in_words(schemas.schema(name)["properties"], "")
    return [{"name": one, "in": "query", "required": one in needed, "schema": fields[one]} for one in fields]


def _sent(name: str, media: str) -> object:
    if media == FORMS:
        return _shapes()["forms"][name]
    found = {key: value for key, value in schemas.schema(name).items() if key != "$schema"}
    return _in_words(found, f"#/components/schemas/{component_name(name)}/")


def _in_words(part: Any, here: str) -> Any:
    """A request's schema as a reader wants it: in api/schemas a `description` ends the sentence "must be …", and a
    `title` explains. `here`: where the schema stands in the document, for its references."""
    if isinstance(part, list):
        return [_in_words(one, here) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: _in_words(value, here) for key, value in part.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace("#/", here, 1)
    if isinstance(made.get("description"), str):
        made["description"] = f"Must be {made['description']}."
    if isinstance(made.get("title"), str) and "properties" not in made:
        made["description"] = " ".join(filter(None, (f"{made.pop('title')}.", made.get("description"))))
    return made


def _shapes() -> Any:
    return json.loads((files(__package__) / "shapes.json").read_text(encoding="utf-8"))
