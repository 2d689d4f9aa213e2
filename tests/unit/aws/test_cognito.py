"""Who is in the pool, against moto; and the document of signing keys, from a server on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from foreverus.aws.cognito import MOST_DOCUMENT_BYTES, CognitoPeople, fetch_document
from tests.unit.conftest import Aws, make_pool


def test_who_is_there_and_enabled_is_active(aws: Aws) -> None:
    pool, cognito = make_pool("ana", "eva"), boto3.client("cognito-idp")
    cognito.admin_disable_user(UserPoolId=pool, Username="eva")
    people = CognitoPeople(cognito, pool)
    assert [people.is_active(one) for one in ("ana", "eva", "ivo")] == [True, False, False]


@pytest.mark.parametrize("code", ["InternalErrorException", "TooManyRequestsException", "ResourceNotFoundException"])
def test_an_outage_is_nobodys_leaving(code: str) -> None:
    class Down:
        def admin_get_user(self, UserPoolId: str, Username: str) -> None:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "AdminGetUser")

    with pytest.raises(ClientError):
        CognitoPeople(Down(), "pool").is_active("ana")


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/missing": 404, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/keys")
        self.end_headers()
        self.wfile.write(b"x" * (MOST_DOCUMENT_BYTES + 1) if self.path == "/large" else b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_document_is_fetched_as_it_is(site: str) -> None:
    assert fetch_document(f"{site}/keys", 600, 600) == b"{}"


@pytest.mark.parametrize("path", ["/missing", "/moved", "/large"])
def test_what_is_no_document_is_an_error(site: str, path: str) -> None:
    with pytest.raises(ValueError, match="answered"):
        fetch_document(site + path, 600, 600)


@pytest.mark.parametrize("url", ["http://pool.example/keys", "file:///etc/passwd", "ftp://127.0.0.1/", "", "127.0.0.1"])
def test_keys_come_over_tls_or_from_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="must be https"):
        fetch_document(url)


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(urllib3.exceptions.HTTPError):
        fetch_document("http://127.0.0.1:1/keys", 600, 600)
