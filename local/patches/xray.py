"""X-Ray, as far as programs send to it.

AWS: PutTraceSegments takes up to 64 KB for each segment document and answers with those that it did not take; its
daemon, beside each Lambda function at AWS_XRAY_DAEMON_ADDRESS, takes the same documents in datagrams, under a header
line. A subsegment may come by itself, with `parent_id` and `trace_id`. (X-Ray Developer Guide, "X-Ray segment
documents", "Sending trace data to AWS X-Ray".)
Emulator: knows no such service, and no daemon.

Patch: both, with IAM. What came last is at `GET /_foreverus/traces`: `{"traces": {<trace id>: [documents]}}`, oldest
first.
"""

import contextlib
import json
import os
import re
import socket
import threading
from collections import OrderedDict
from typing import Any

from local.patches import Options

PATH = "/_foreverus/traces"
MOST_TRACES = 400
MOST_DOCUMENTS = 2_000  # of one trace
MOST_BYTES = 64 << 10
TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}\Z")
SEGMENT_ID = re.compile(r"[0-9a-f]{16}\Z")
NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]{1,200}\Z")
HEADER = re.compile(r'\{\s*"format"\s*:\s*"json"\s*,\s*"version"\s*:\s*1\s*\}\s*\n')


class Traces:
    """The last ones. A document that comes again replaces what it was: an open segment's end comes later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, dict[str, dict[str, Any]]] = OrderedDict()

    def add(self, text: str) -> str:
        """What is wrong with it; empty: it is kept."""
        if len(text.encode()) > MOST_BYTES:
            return "SegmentTooLarge"
        try:
            document = json.loads(text)
        except ValueError:
            return "InvalidSegment"
        if wrong := problem(document):
            return wrong
        with self._lock:
            documents = self._traces.setdefault(document["trace_id"], {})
            self._traces.move_to_end(document["trace_id"])
            if len(documents) < MOST_DOCUMENTS or document["id"] in documents:
                documents[document["id"]] = document
            while len(self._traces) > MOST_TRACES:
                self._traces.popitem(last=False)
        return ""

    def all(self) -> dict[str, list[dict[str, Any]]]:
        with self._lock:
            return {root: list(documents.values()) for root, documents in self._traces.items()}


def problem(document: Any) -> str:
    """Why X-Ray refuses a segment document; empty: it does not."""
    if not isinstance(document, dict):
        return "InvalidSegment"
    if not TRACE_ID.match(str(document.get("trace_id"))):
        return "InvalidTraceId"
    if not SEGMENT_ID.match(str(document.get("id"))):
        return "InvalidId"
    if not NAME.match(str(document.get("name") or "")):
        return "InvalidName"
    times = [document.get("start_time")] + ([] if document.get("in_progress") else [document.get("end_time")])
    if any(isinstance(at, bool) or not isinstance(at, int | float) for at in times):
        return "InvalidTime"
    if document.get("type") == "subsegment" and not SEGMENT_ID.match(str(document.get("parent_id"))):
        return "InvalidParentId"
    return ""


TRACES = Traces()


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.core import iam_actions, router

    router.SERVICE_PATTERNS["xray"] = {"host_patterns": [r"xray\."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["xray"] = "xray"
    iam_actions._BOTOCORE_SERVICE_MAP["xray"] = ["xray"]  # without it the call has no action, and IAM asks nobody
    gateway.SERVICE_HANDLERS["xray"] = handle
    _listen()
    emulator = gateway.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await emulator(scope, receive, send)
            return
        body = json.dumps({"traces": TRACES.all()}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    gateway.app = app


async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> tuple[int, dict[str, str], bytes]:
    if (method, path) != ("POST", "/TraceSegments"):
        said = {"message": f"The laptop's X-Ray does not know {method} {path}."}
        return (
            400,
            {"Content-Type": "application/json", "x-amzn-ErrorType": "InvalidRequest"},
            json.dumps(said).encode(),
        )
    refused = []
    for text in json.loads(body or b"{}").get("TraceSegmentDocuments", []):
        if wrong := TRACES.add(str(text)):
            refused.append({"ErrorCode": wrong, "Message": wrong})
    answer = json.dumps({"UnprocessedTraceSegments": refused}).encode()
    return 200, {"Content-Type": "application/json"}, answer


def _listen() -> None:
    """The daemon. Lambda functions inherit this process's environment."""
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))
    os.environ["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{daemon.getsockname()[1]}"

    def run() -> None:
        while True:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = daemon.recv(MOST_BYTES + 1024).decode()
                if header := HEADER.match(text):
                    TRACES.add(text[header.end() :])

    threading.Thread(target=run, daemon=True, name="xray-daemon").start()
