"""A registry is asked as Docker asks it, and each answer has its line."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from foreverus.aws.account import CannotLook
from foreverus.cli.doctor import fetched
from foreverus.doctor.images import Image, engine_image
from foreverus.doctor.records import DEFAULTS, Finding, Verdict, WebAnswer, offline
from tests.unit.doctor.test_doctor import Aws, patient

PINNED = Image.parse(DEFAULTS["EngineImage"])
PLACE = 'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:x:pull"'


class Registry:
    """Has manifests by tag or digest, and gives them to who brings a token that it has given."""

    def __init__(self, **changes: str | None) -> None:
        self.digests: dict[str, str | None] = {PINNED.digest: PINNED.digest, PINNED.tag: PINNED.digest}
        self.digests |= {getattr(PINNED, name): digest for name, digest in changes.items()}
        self.token = {"token": "a token"}
        self.asked: list[str] = []

    def __call__(self, method: str, url: str, headers: Mapping[str, str]) -> WebAnswer:
        self.asked.append(f"{method} {url}")
        if url.startswith("https://auth.example.com/token?"):
            assert f"scope=repository:{PINNED.repository}:pull" in url
            return WebAnswer(200, {}, json.dumps(self.token).encode())
        assert method == "HEAD", "nothing is pulled"
        if headers.get("Authorization") != "Bearer a token":
            return WebAnswer(401, {"www-authenticate": PLACE})
        digest = self.digests.get(url.rpartition("/")[2])
        return WebAnswer(200, {"docker-content-digest": digest}) if digest else WebAnswer(404, {})


def found(registry: Registry) -> Finding:
    return engine_image(patient(Aws(), fetch=registry))


def test_image_that_is_there_is_ok() -> None:
    registry = Registry()
    assert found(registry).verdict is Verdict.OK
    assert registry.asked[0] == f"HEAD https://registry-1.docker.io/v2/{PINNED.repository}/manifests/{PINNED.digest}"


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"digest": None}, Verdict.ACT, "choose another for EngineImage"),
        ({"tag": "sha256:" + "0" * 64}, Verdict.NOTE, "another build"),
        ({"tag": None}, Verdict.OK, "is there"),
    ],
)
def test_image_that_is_not_what_was_pinned_is_said(changes: dict[str, str], verdict: Verdict, words: str) -> None:
    one = found(Registry(**changes))
    assert one.verdict is verdict and words in one.says
    assert one.command.startswith("docker buildx imagetools inspect ") is (verdict is not Verdict.OK)


@pytest.mark.parametrize("token", [{}, [], "no", {"token": None}])
def test_registry_that_gives_no_token_is_said(token: object) -> None:
    registry = Registry()
    registry.token = token  # type: ignore[assignment]
    assert found(registry).verdict is Verdict.NOTE


def test_registry_that_cannot_be_asked_from_here_is_no_reason_to_act() -> None:
    one = engine_image(patient(Aws(), fetch=offline))
    assert one.verdict is Verdict.NOTE and "from here" in one.says


@pytest.mark.parametrize("status", [403, 429, 500])
def test_registry_that_refuses_is_said(status: int) -> None:
    one = engine_image(patient(Aws(), fetch=lambda *_: WebAnswer(status, {})))
    assert one.verdict is Verdict.NOTE and str(status) in one.says


@pytest.mark.parametrize(
    ("text", "registry", "repository"),
    [
        ("vllm/vllm-openai:v1@sha256:ab", "registry-1.docker.io", "vllm/vllm-openai"),
        ("python:3@sha256:ab", "registry-1.docker.io", "library/python"),
        ("public.ecr.aws/a/b/c:1@sha256:ab", "public.ecr.aws", "a/b/c"),
        ("registry:5000/a:1@sha256:ab", "registry:5000", "a"),
    ],
)
def test_names_are_taken_apart_as_docker_does(text: str, registry: str, repository: str) -> None:
    assert (Image.parse(text).registry, Image.parse(text).repository) == (registry, repository)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.headers["Accept"] == "a kind" else 406)
        self.send_header("Docker-Content-Digest", "sha256:ab")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_another_place_is_asked_over_http() -> None:
    with serving(Answers) as url:
        answer = fetched("HEAD", f"{url}/v2/x/manifests/1", {"Accept": "a kind"})
    assert (answer.status, answer.headers["docker-content-digest"]) == (200, "sha256:ab")
    with pytest.raises(CannotLook):  # nobody is there any more
        fetched("HEAD", url, {})
