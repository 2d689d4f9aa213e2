"""The REST API as a WSGI application in this process: what API Gateway does between a request and the handler."""

import base64
import functools
import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from tests.template.template import resources
from tests.unit import adapter

BINARY = "multipart/form-data"  # the template's BinaryMediaTypes
USER = "user-1"
Start = Callable[[str, list[tuple[str, str]]], Any]


class Gateway:
    """`answered`: how many requests of each route had which status."""

    def __init__(self) -> None:
        self.answered: dict[tuple[str, int], int] = {}

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        if not re.fullmatch(r"Bearer \S+", environ.get("HTTP_AUTHORIZATION", "")):
            return refusal("UNAUTHORIZED", start)
        for route, handler in functions().items():
            names = matched(route, method, path)
            if names is not None:
                answer = handler(event(environ, route, names), None)
                seen = (route, answer["statusCode"])
                self.answered[seen] = self.answered.get(seen, 0) + 1
                start(f"{answer['statusCode']} ", list(answer["headers"].items()))
                return [answer["body"].encode()]
        return refusal("MISSING_AUTHENTICATION_TOKEN", start)


@functools.cache
def functions() -> dict[str, Callable[[dict[str, Any], None], dict[str, Any]]]:
    """Route → the handler of the function that the template gives it to."""
    found = {}
    for function in resources("AWS::Serverless::Function").values():
        for one in function.get("Events", {}).values():
            if one["Type"] == "Api":
                route = f"{one['Properties']['Method'].upper()} {one['Properties']['Path']}"
                found[route] = handler_of(function["Handler"])
    return found


def handler_of(name: str) -> Callable[[dict[str, Any], None], dict[str, Any]]:
    """A function's own, or what the Lambda Web Adapter does for a web application."""
    module, _, function = name.rpartition(".")
    if function == "sh":
        return lambda event, context: adapter.answer(event)
    found: Callable[[dict[str, Any], None], dict[str, Any]] = getattr(importlib.import_module(module), function)
    return found


def refusal(kind: str, start: Start) -> Iterable[bytes]:
    """What API Gateway answers itself."""
    (own,) = resources("AWS::Serverless::Api").values()
    answer = own["GatewayResponses"][kind]
    start(f"{answer['StatusCode']} ", [("Content-Type", "application/json")])
    return [answer["ResponseTemplates"]["application/json"].encode()]


def matched(route: str, method: str, path: str) -> dict[str, str] | None:
    own, pattern = route.split(" ")
    found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern.replace(".", r"\.")), path, re.DOTALL)
    return found.groupdict() if found and own == method else None


def event(environ: dict[str, Any], route: str, names: dict[str, str]) -> dict[str, Any]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    query = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, encoding="utf-8", errors="replace")
    many: dict[str, list[str]] = {}
    for name, value in query:
        many.setdefault(name, []).append(value)
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    is_binary = environ.get("CONTENT_TYPE", "").lower().startswith(BINARY)
    return {
        "httpMethod": environ["REQUEST_METHOD"],
        "resource": route.split(" ")[1],
        "path": environ["PATH_INFO"],
        "pathParameters": names or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": many or None,
        "headers": headers,
        "body": (base64.b64encode(data).decode() if is_binary else data.decode("utf-8", "replace")) or None,
        "isBase64Encoded": is_binary,
        "requestContext": {"authorizer": {"user_id": USER}},
    }
