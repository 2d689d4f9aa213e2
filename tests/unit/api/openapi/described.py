"""What the OpenAPI document promises of an answer, strictly: no status, field or value that it does not name."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from foreverus.api.openapi.document import document

NAME = "urn:openapi"


def closed(part: Any) -> Any:
    """The same document in which an object has no other fields than it names. Readers are told what there is at least;
    a test wants to know of what is there besides."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(value) for key, value in part.items()}
    if isinstance(part.get("properties"), dict) and "object" in part.get("type", ()):
        made.setdefault("additionalProperties", False)
    return made


@cache
def strict_document() -> dict[str, Any]:
    return dict(closed(document()))


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resource(NAME, Resource(strict_document(), DRAFT202012))


def followed(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference is to."""
    if "$ref" not in part:
        return part
    found: Any = strict_document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def undescribed(route: str, answer: dict[str, Any]) -> str:
    """What the answer of a route (`GET /files`) has that the document does not say of it; empty: nothing."""
    method, path = route.split(" ")
    described = strict_document()["paths"][path][method.lower()]["responses"]
    status = str(answer["statusCode"])
    if status not in described:
        return f"{route} answered {status}: name it in operations.json, in `answers` or `errors` of this route"
    said = followed(described[status])
    missing = {name for name, one in said.get("headers", {}).items() if one.get("required")} - answer["headers"].keys()
    if missing:
        return f"{route} answered {status} without the header {missing}"
    if "content" not in said:
        return f"{route} answered {status} with a body that nothing is said of" if answer["body"] else ""
    media = answer["headers"]["Content-Type"].split(";")[0]
    if media not in said["content"]:
        return f"{route} answered {status} as {media}: operations.json names {', '.join(said['content'])}"
    value = json.loads(answer["body"]) if media == "application/json" else answer["body"]
    shape = {"$ref": NAME + said["content"][media]["schema"]["$ref"]}
    validator = Draft202012Validator(shape, registry=_registry())
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
    return f"{route} answered {status} otherwise than shapes.json says: {'; '.join(wrong)}" if wrong else ""
