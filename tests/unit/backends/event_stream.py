"""A Bedrock or SageMaker on loopback that says what a test tells it to, in the bytes of AWS's event streams."""

import json
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3

from foreverus.backends.bedrock import BedrockBackend, config
from foreverus.backends.sagemaker import SageMakerBackend

MODEL = "mistral.mistral-7b-instruct-v0:2"


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """A frame of `application/vnd.amazon.eventstream`."""
    named = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in headers.items()
    )
    prelude = (16 + len(named) + len(payload)).to_bytes(4, "big") + len(named).to_bytes(4, "big")
    head = prelude + zlib.crc32(prelude).to_bytes(4, "big") + named + payload
    return head + zlib.crc32(head).to_bytes(4, "big")


def event(kind: str, **payload: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps(payload).encode())


def exception(kind: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": "on order"}).encode())


def part(content: bytes) -> bytes:
    """SageMaker's: a piece of what the container sends."""
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    return message(headers, content)


def delta(text: str) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=0, delta={"text": text})


BEGIN = event("messageStart", role="assistant")
BLOCK_END = event("contentBlockStop", contentBlockIndex=0)
USED = event("metadata", usage={"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}, metrics={"latencyMs": 3})


def stop(reason: str = "end_turn") -> bytes:
    return event("messageStop", stopReason=reason)


def whole(*texts: str, reason: str = "end_turn") -> list[bytes]:
    return [BEGIN, *map(delta, texts), BLOCK_END, stop(reason), USED]


@dataclass
class Scripted:
    """`pieces`: what it sends, each as a chunk; before the one at `holds_at` it waits for `go_on`. `breaks`: the
    connection is closed where the stream would end. `status`: else it refuses, with this error's name in `refusal` and
    what it says in `said`. `times`: so often; None: always."""

    pieces: Sequence[bytes] = ()
    breaks: bool = False
    holds_at: int = -1
    status: int = 200
    refusal: str = ""
    said: dict[str, Any] = field(default_factory=lambda: {"message": "on order"})
    times: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def refuses(self) -> bool:
        return self.status != 200 and (self.times is None or len(self.asked) <= self.times)


@contextmanager
def bedrock(script: Scripted) -> Iterator[BedrockBackend]:
    with client_of("bedrock-runtime", script) as client:
        backend = BedrockBackend(client, MODEL, 2)
        try:
            yield backend
        finally:
            script.go_on.set()
            backend.close()


@contextmanager
def sagemaker(script: Scripted, component: str = "") -> Iterator[SageMakerBackend]:
    with client_of("sagemaker-runtime", script) as client:
        backend = SageMakerBackend(client, "mistral", component, 2)
        try:
            yield backend
        finally:
            script.go_on.set()
            backend.close()


@contextmanager
def client_of(service: str, script: Scripted) -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None: ...

        def do_POST(self) -> None:
            script.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            script.paths.append(self.path)
            script.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.close_connection = True
            if script.refuses:
                body = json.dumps(script.said).encode()
                self.send_response(script.status)
                self.send_header("x-amzn-ErrorType", script.refusal)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_response(200)
            self.send_header("Connection", "close")  # said, so that nobody asks on it again while it is being closed
            self.send_header("Content-Type", "application/vnd.amazon.eventstream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for place, piece in enumerate(script.pieces):
                if place == script.holds_at:
                    script.go_on.wait()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if not script.breaks:
                self.wfile.write(b"0\r\n\r\n")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    client = boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        config=config(2),
    )
    try:
        yield client
    finally:
        script.go_on.set()
        server.shutdown()
        server.server_close()
        serving.join()
