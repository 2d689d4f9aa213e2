"""Our API over HTTP: a method a call of docs/batches.md (of chats: chat/calls.py), tried again where that is harmless.

Not through the `openai` client, which was tried: no shorter (it retries without a word, follows a redirect to S3 with
our key where both have one address, knows no presigned upload), a third of a second more at each start, and 35 MB.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self, TypeAlias, TypeVar, cast
from urllib.parse import quote, urljoin

import httpx

from foreverus.cli.failures import Broken, Refused, Unreachable
from foreverus.cli.loopback import is_safe_address
from foreverus.cli.objects.account import (
    ErasureObject,
    ExportObject,
    KeyObject,
    KeyRequest,
    KeyRevocation,
    TicketObject,
)
from foreverus.cli.objects.batches import BatchList, BatchObject, BatchRequest
from foreverus.cli.objects.files import FileObject, UploadAddress
from foreverus.cli.objects.sessions import SessionObject, SessionRequest, WorkObject
from foreverus.cli.proxies import client
from foreverus.cli.responses import check_answer, excerpt, network_errors
from foreverus.cli.server_clock import ServerClock
from foreverus.cli.settings import ClientSettings
from foreverus.text import whole

T = TypeVar("T")
Headers: TypeAlias = Mapping[str, str]

TRIES = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
PAGE = 100  # the API's largest page
TIMEOUT = httpx.Timeout(40, connect=10)  # API Gateway answers within 29 s, whatever happens
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row (1, 2, …): 0.5 s, doubled each time, 30 s at most."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 10)))


class Api:
    """`tried_again(what, pause_s)` is told before each pause. Close it, or use it as a context manager."""

    def __init__(
        self,
        settings: ClientSettings,
        sleep: Callable[[float], None],
        tried_again: Callable[[str, float], None] = lambda what, pause: None,
        ticks: Callable[[], float] = time.monotonic,
    ):
        self._url = settings.url
        self._authorization = {"Authorization": f"Bearer {settings.api_key}"}
        self._sleep = sleep
        self._tried_again = tried_again
        self._ticks = ticks
        self.clock = ServerClock(ticks, datetime.now(UTC))
        # Without compression the length of an answer is the length of the file.
        self.http = client(settings.url, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def model(self) -> tuple[str, int | None]:
        """The id of the model that the deployment serves, and how many tokens its context has, where that is told."""
        (model, *_) = value_of(self.call("GET", "/models"), "data")
        context = model.get("context_window")
        return str(value_of(model, "id")), context if isinstance(context, int) else None

    def upload_small(self, filename: str, content: bytes, purpose: str = "batch") -> FileObject:
        """The file. A lost answer is sent again, so at worst the file is there twice."""
        kind = "application/jsonl" if purpose == "batch" else "application/octet-stream"
        parts = {"file": (filename, content, kind)}
        return cast(FileObject, self.call("POST", "/files", data={"purpose": purpose}, files=parts))

    def upload_large(self, filename: str, size: int) -> FileObject:
        """The file, pending, with `upload`: where its bytes are to be put."""
        return cast(
            FileObject,
            self.call("POST", "/files", json={"filename": whole(filename), "purpose": "batch", "bytes": size}),
        )

    def file(self, file_id: str) -> FileObject:
        return cast(FileObject, self.call("GET", f"/files/{_id(file_id)}"))

    def delete_file(self, file_id: str) -> None:
        self.call("DELETE", f"/files/{_id(file_id)}")

    def create_batch(self, body: BatchRequest, idempotency_key: str) -> BatchObject:
        """The batch. All tries carry the same key, so they make one batch."""
        return cast(BatchObject, self.call("POST", "/batches", json=body, headers={"Idempotency-Key": idempotency_key}))

    def batch(self, batch_id: str, tries: int = TRIES) -> BatchObject:
        return cast(BatchObject, self.call("GET", f"/batches/{_id(batch_id)}", tries=tries))

    def cancel(self, batch_id: str) -> BatchObject:
        return cast(BatchObject, self.call("POST", f"/batches/{_id(batch_id)}/cancel"))

    def batches(self, limit: int, after: str | None) -> BatchList:
        """The newest batches, as one list: pages are asked for until `limit` are there or there are no more."""
        found: list[BatchObject] = []
        more = True
        while more and len(found) < limit:
            query = {"limit": str(min(PAGE, limit - len(found)))} | ({"after": after} if after else {})
            listed: BatchList = self.call("GET", "/batches", params=query)
            found += listed.get("data", [])
            more = bool(listed.get("has_more")) and bool(listed.get("data"))
            after = str(found[-1]["id"]) if found else None
        return {"object": "list", "data": found, "has_more": more}

    def live_session(self) -> str | None:
        """The id of the newest session that is not over; None: no GPU is on."""
        found = self.sessions()
        return next((str(one["id"]) for one in found if one.get("status") not in ("ended", "failed")), None)

    def sessions(self) -> list[SessionObject]:
        """Newest first."""
        return cast(list[SessionObject], value_of(self.call("GET", "/sessions"), "data"))

    def session(self, session_id: str, tries: int = TRIES) -> SessionObject:
        return cast(SessionObject, self.call("GET", f"/sessions/{_id(session_id)}", tries=tries))

    def start_session(self, body: SessionRequest) -> SessionObject:
        """A new session, or the live one: a lost answer is asked for again, which joins what the first one started."""
        return cast(SessionObject, self.call("POST", "/sessions", json=body))

    def ticket(self) -> TicketObject:
        """Of which each opens one WebSocket."""
        return cast(TicketObject, self.call("POST", "/tickets", tries=1))

    def session_work(self, session_id: str) -> WorkObject:
        return cast(WorkObject, self.call("GET", f"/sessions/{_id(session_id)}/work"))

    def end_session(self, session_id: str) -> SessionObject:
        return cast(SessionObject, self.call("DELETE", f"/sessions/{_id(session_id)}"))

    def create_key(self, body: KeyRequest) -> KeyObject:
        """One try: a second one would be a second key. Raises Unreachable when nobody knows whether it was made."""
        return cast(KeyObject, self.call("POST", "/keys", tries=1, json=body))

    def keys(self) -> list[KeyObject]:
        """All of the caller's: 20 at most."""
        return cast(list[KeyObject], value_of(self.call("GET", "/keys", params={"limit": "100"}), "data"))

    def revoke_key(self, key_id: str) -> KeyRevocation:
        """Raises Refused where there is none. A try that was lost may have done it, so that the next finds none."""
        tries = 0

        def once() -> object:
            nonlocal tries
            tries += 1
            try:
                return self._once("DELETE", f"/keys/{_id(key_id)}", self._authorization, {})
            except Refused as err:
                if err.status == 404 and tries > 1:
                    return {"id": key_id, "deleted": True}
                raise

        return cast(KeyRevocation, self.again(once))

    def export(self, *, anew: bool) -> ExportObject:
        """The newest export, begun where there is none; `anew`: a new one."""
        return cast(ExportObject, self.call("POST" if anew else "GET", "/me/export"))

    def delete_account(self, confirm: str) -> ErasureObject:
        return cast(ErasureObject, self.call("DELETE", "/me", json={"confirm": confirm}))

    @contextmanager
    def at(self, url: str) -> Iterator[httpx.Response]:
        """What is at a presigned address, to be streamed. S3 refuses a second signature beside that: no key goes along.
        Raises Refused and Unreachable."""
        with network_errors(), self.http.stream("GET", url) as response:
            check_answer(response)
            yield response

    @contextmanager
    def content(self, file_id: str) -> Iterator[httpx.Response]:
        """The file's bytes, to be streamed; from the presigned address that the API names for a larger file.

        Raises Refused, or Unreachable for what is worth another try: the caller has to start its file anew for it.
        """
        url, headers = f"{self._url}/files/{_id(file_id)}/content", self._authorization
        with network_errors(), self.http.stream("GET", url, headers=headers) as response:
            if response.status_code not in REDIRECTS:
                check_answer(response)
                yield response
                return
            address = _safe(urljoin(url, response.headers.get("Location", "")))
        # S3 refuses a request with two signatures, and our key is none of its business.
        with network_errors(), self.http.stream("GET", address) as response:
            check_answer(response)
            yield response

    def again(self, call: Callable[[], T], tries: int = TRIES) -> T:
        """The call's result; Unreachable is tried again after a pause."""
        for failures in range(1, tries + 1):
            try:
                return call()
            except Unreachable as err:
                if failures == tries:
                    raise
                pause = max(pause_s(failures), err.after_s)
                self._tried_again(str(err), pause)
                self._sleep(pause)
        raise AssertionError("at least one try")

    def call(self, method: str, path: str, tries: int = TRIES, headers: Headers | None = None, **body: Any) -> Any:
        """The answer, an object of JSON: its caller says which. `body`: as httpx takes it."""
        return self.again(lambda: self._once(method, path, {**self._authorization, **(headers or {})}, body), tries)

    def _once(self, method: str, path: str, headers: Headers, body: Mapping[str, Any]) -> object:
        with network_errors():
            begun = self._ticks()
            response = self.http.request(method, self._url + path, headers=headers, **body)
            self.clock.heard(response.headers.get("Date", ""), self._ticks() - begun)
            check_answer(response)
        try:
            answer = response.json()
        except ValueError as err:
            raise Broken(f"{self._url} does not answer like our API: {excerpt(response)}") from err
        if not isinstance(answer, dict):
            raise Broken(f"{self._url} does not answer like our API: {excerpt(response)}")
        return answer


def value_of(answer: Mapping[str, object], name: str) -> Any:
    """A field that the contract promises. Raises Broken."""
    if answer.get(name) is None:
        raise Broken(f"The API's answer has no {name!r}: {json.dumps(answer)[:200]}")
    return answer[name]


def _id(value: str) -> str:
    return quote(value, safe="")


def _safe(address: str) -> str:
    """Where people's text may go. Raises Broken."""
    if not is_safe_address(address):
        raise Broken(f"The API leads to {address[:100]}, which is not encrypted: nothing is sent there.")
    return address


def put(http: httpx.Client, upload: UploadAddress, content: Iterator[bytes], size: int) -> None:
    """Puts `size` bytes where `upload` (method, url, headers) says. Raises Refused or Unreachable. The address takes
    them once: where something is there already, an earlier try has put it, whose answer was lost."""
    headers = httpx.Headers(upload.get("headers") or {})
    headers["Content-Length"] = str(size)  # S3 takes no chunked body
    with network_errors():
        response = http.request(
            str(upload.get("method", "PUT")), _safe(str(value_of(upload, "url"))), content=content, headers=headers
        )
        if response.status_code == httpx.codes.CONFLICT:  # S3: another try is being written just now
            raise Unreachable(f"{response.url.host} answered 409: an earlier try is not over")
        if response.status_code != httpx.codes.PRECONDITION_FAILED:
            check_answer(response)
