"""docs/batches.md's API played by hand: files, batches, and a bucket at an address of its own."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from foreverus.abilities.read_image.checking import accepted
from foreverus.errors import InvalidRequest
from foreverus.files.forms import Form

MODEL = "mistral-7b"
TERMINAL = ("completed", "failed", "expired", "cancelled")
ENDS_WITHIN_S = 0.02  # a server that is told to end looks so often; its own half a second is that of each test


def request_line(custom_id: str, **body: object) -> str:
    """A good line of an input file; `body` adds to it."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Oi"}], **body}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": asked})


class FakeBatches:
    """A test is the state machine: `set_batch` says how far a batch is."""

    def __init__(self, new_id: Callable[[str], str]):
        self.new_id = new_id
        self.model = MODEL
        self.has_bedrock = False
        self.files: dict[str, dict] = {}
        self.batches: dict[str, dict] = {}  # oldest first
        self.keys: dict[str, str] = {}  # Idempotency-Key: batch id
        self.stored: dict[str, bytes] = {}  # the bucket, by file id
        self.puts: list[int] = []  # how each PUT was answered
        self.put_troubles: list[int] = []  # statuses for the next PUTs; 0: the connection breaks
        self.put_seconds = 0.0  # how long a PUT's body takes
        self.tokens_seen: list[str] = []  # Authorization headers that reached the bucket: there must be none
        self.redirect_above = 4_000_000  # bytes of an answer

    def start(self) -> None:
        handler = type("BucketHandler", (_BucketHandler,), {"bucket": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(ENDS_WITHIN_S,))
        self._thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()

    # What a test plays.

    def only(self) -> dict:
        (batch,) = self.batches.values()
        return batch

    def add_batch(self, created_at: int, filename: str, **changes: object) -> dict:
        batch = new_batch(self.new_id("batch"), created_at, {"filename": filename})
        ours = {**batch["foreverus"], **changes.pop("foreverus", {})}  # type: ignore[dict-item]
        self.batches[batch["id"]] = {**batch, **changes, "foreverus": ours}
        return self.batches[batch["id"]]

    def set_batch(self, batch: dict, completed: int = 0, failed: int = 0, total: int = 0, **changes: object) -> None:
        ours = {**batch["foreverus"], **changes.pop("foreverus", {})}  # type: ignore[dict-item]
        counts = {"total": total, "completed": completed, "failed": failed}
        self.batches[batch["id"]] = {
            **self.batches[batch["id"]],
            **changes,
            "request_counts": counts,
            "foreverus": ours,
        }

    def add_output(self, content: bytes) -> str:
        file_id = self.new_id("file")
        self.files[file_id] = {"id": file_id, "object": "file", "bytes": len(content), "purpose": "batch_output"}
        self.stored[file_id] = content
        return file_id

    # What the page calls.

    def call(self, method: str, parts: list[str], query: dict, body: dict, key: str) -> tuple[int, dict | bytes]:
        match method, parts:
            case "GET", ["models"]:
                names = [self.model, *(f"{self.model}@{one}" for one in ("gpu", "bedrock") if self.has_bedrock)]
                price = {"usd_per_million_prompt_tokens": 0.15, "usd_per_million_completion_tokens": 0.2}
                backends = [{"backend": "bedrock", "state": "ready", **price}] if self.has_bedrock else []
                data = [{"id": name, "object": "model", "backends": backends} for name in names]
                return 200, {"object": "list", "data": data}
            case "POST", ["files"] if "form" in body:
                return self._image(body["form"])
            case "GET", ["files", file_id] if file_id in self.files:
                return 200, {**self.files[file_id], "url": f"{self.url}/{file_id}?X-Amz-Signature=x"}
            case "POST", ["files"]:
                return 200, self._new_file(body)
            case "DELETE", ["files", file_id]:
                self.files.pop(file_id, None)
                return 200, {"id": file_id, "object": "file", "deleted": True}
            case "GET", ["files", file_id, "content"]:
                content = self.stored[file_id]
                if len(content) > self.redirect_above:
                    return 302, {"location": f"{self.url}/{file_id}?X-Amz-Signature=x"}
                return 200, content
            case "GET", ["batches"]:
                return 200, self._page(int(query.get("limit", 20)), query.get("after"))
            case "POST", ["batches"]:
                return self._create(body, key)
            case "GET", ["batches", batch_id] if batch_id in self.batches:
                return 200, self.batches[batch_id]
            case "POST", ["batches", batch_id, "cancel"]:
                batch = self.batches[batch_id]
                if batch["status"] not in TERMINAL:
                    batch.update(status="cancelling", cancelling_at=int(time.time()))
                return 200, batch
        return 404, _error("Not found", None)

    def shown(self, file_ids: list[str]) -> list[dict]:
        """As a message has them."""
        found = [(one, self.files[one]) for one in file_ids]
        return [{"file_id": i, "type": "png", "width": f["width"], "height": f["height"]} for i, f in found]

    def _image(self, form: Form) -> tuple[int, dict]:
        """Looked at as the API does it."""
        assert form.fields["purpose"] == "vision"
        try:
            image = accepted(form.files["file"].data)
        except InvalidRequest as err:
            return 400, err.body()
        file_id = self.new_id("file")
        about = {"object": "file", "purpose": "vision", "status": "processed", "filename": form.files["file"].filename}
        self.stored[file_id] = image.data
        sides = {"width": image.width, "height": image.height}
        self.files[file_id] = {"id": file_id, **about, **sides, "bytes": len(image.data), "created_at": 0}
        return 200, self.files[file_id]

    def _new_file(self, body: dict) -> dict:
        assert body["purpose"] == "batch"
        file_id = self.new_id("file")
        shared = {"object": "file", "purpose": "batch", "created_at": int(time.time()), "status": "pending"}
        self.files[file_id] = {"id": file_id, "filename": body["filename"], "bytes": body["bytes"], **shared}
        upload = {
            "method": "PUT",
            "url": f"{self.url}/{file_id}?X-Amz-Signature=x",
            "expires_at": int(time.time()) + 900,
        }
        return {
            **self.files[file_id],
            "upload": {**upload, "headers": {"Content-Type": "application/jsonl", "If-None-Match": "*"}},
        }

    def _create(self, body: dict, key: str) -> tuple[int, dict]:
        if key in self.keys:
            return 200, self.batches[self.keys[key]]
        file_id = body["input_file_id"]
        if len(self.stored.get(file_id, b"")) != self.files[file_id]["bytes"]:
            return 400, _error("The file has not been uploaded.", "input_file_id")
        batch = new_batch(self.new_id("batch"), int(time.time()), body["metadata"])
        batch.update({name: body[name] for name in ("input_file_id", "endpoint", "completion_window")})
        self.batches[batch["id"]] = batch
        self.keys[key] = batch["id"]
        return 200, batch

    def _page(self, limit: int, after: str | None) -> dict:
        newest = sorted(self.batches.values(), key=lambda batch: (batch["created_at"], batch["id"]), reverse=True)
        start = next((i + 1 for i, batch in enumerate(newest) if batch["id"] == after), 0)
        page = newest[start : start + limit]
        return {"object": "list", "data": page, "has_more": start + limit < len(newest)}


def _error(message: str, param: str | None) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": "invalid_field"}}


def new_batch(batch_id: str, created_at: int, metadata: dict) -> dict:
    names = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
    ours = ("backend", "round", "choice", "cost_usd", "tokens_per_second", "eta_seconds")
    return {
        "id": batch_id,
        "object": "batch",
        "status": "validating",
        "endpoint": "/v1/chat/completions",
        "model": None,
        "errors": None,
        "input_file_id": "file_0",
        "completion_window": "24h",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": created_at,
        "expires_at": created_at + 86_400,
        **{f"{name}_at": None for name in names},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": metadata,
        "foreverus": {"trigger": "api", "prompt_tokens": 0, "completion_tokens": 0, "sessions": []}
        | dict.fromkeys(ours),
    }


class _BucketHandler(BaseHTTPRequestHandler):
    """S3 with the CORS rule of the data bucket, at another origin than the page and the API."""

    bucket: FakeBatches

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", "GET, PUT"),
            ("Access-Control-Allow-Headers", "content-type,if-none-match"),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        self.answer(200)

    def do_GET(self) -> None:
        self._look_for_token()
        self.answer(200, self.bucket.stored[urlsplit(self.path).path[1:]])

    def do_PUT(self) -> None:
        self._look_for_token()
        bucket, size = self.bucket, int(self.headers["Content-Length"])
        assert self.headers["Content-Type"] in ("application/jsonl", "application/octet-stream")
        pieces = 20 if bucket.put_seconds else 1
        body = b""
        while len(body) < size:
            body += self.rfile.read(min(size - len(body), size // pieces + 1))
            time.sleep(bucket.put_seconds / pieces)
        status = bucket.put_troubles.pop(0) if bucket.put_troubles else 200
        bucket.puts.append(status)
        if status == 0:
            self.close_connection = True
            self.connection.shutdown(2)
            return
        if status == 200:
            bucket.stored[urlsplit(self.path).path[1:]] = body
        self.answer(status)

    def _look_for_token(self) -> None:
        if token := self.headers.get("Authorization"):
            self.bucket.tokens_seen.append(token)
