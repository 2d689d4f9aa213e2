"""API Gateway in front of the real handler, for clients that speak HTTP; and S3's presigned addresses (moto's S3)."""

import base64
import re
from typing import Any
from urllib.parse import unquote

import httpx2
import requests

from foreverus.handlers import api

BASE = "https://api.example/v1"
BINARY = ("multipart/form-data",)  # template.yaml's BinaryMediaTypes


class Gateway(httpx2.MockTransport):
    """An API key `fu_<user>` is `<user>`'s. `seen`: each call as `POST /files`, `GET s3`."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.seen: list[str] = []
        self.lost: list[str] = []  # of these, as `POST /files`, the next answers never arrive, though all is done

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if not str(request.url).startswith(BASE):
            return self._from_s3(request)
        event = to_event(request)
        self.seen.append(f"{request.method} {event['resource']}")
        result = api.handler(event, None)
        assert set(result) == {"statusCode", "headers", "body"}
        if self.seen[-1] in self.lost:
            self.lost.remove(self.seen[-1])
            raise httpx2.ReadError("Connection reset by peer", request=request)
        return httpx2.Response(result["statusCode"], headers=result["headers"], content=result["body"].encode())

    def _from_s3(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(f"{request.method} s3")
        assert "authorization" not in request.headers, "our key is none of S3's business"
        headers = {name: request.headers[name] for name in ("content-type", "if-none-match") if name in request.headers}
        found = requests.request(request.method, str(request.url), headers=headers, data=request.content, timeout=5)
        return httpx2.Response(found.status_code, content=found.content)


def to_event(request: httpx2.Request) -> dict[str, Any]:
    """The proxy event of a request, as API Gateway makes it."""
    path = request.url.raw_path.decode().partition("?")[0].removeprefix("/v1")
    resource, parameters = matched(request.method, path)
    is_binary = request.headers.get("content-type", "").startswith(BINARY)
    body = request.content
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name.title(): value for name, value in request.headers.items()},
        "queryStringParameters": dict(request.url.params) or None,
        "pathParameters": parameters,
        "requestContext": {"authorizer": {"user_id": request.headers["authorization"].removeprefix("Bearer fu_")}},
        "body": (base64.b64encode(body).decode() if is_binary else body.decode()) if body else None,
        "isBase64Encoded": is_binary,
    }


def matched(method: str, path: str) -> tuple[str, dict[str, str] | None]:
    for route in api.ROUTES:
        verb, resource = route.split(" ")
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource), path)
        if verb == method and found:
            return resource, {name: unquote(value) for name, value in found.groupdict().items()} or None
    return path, None
