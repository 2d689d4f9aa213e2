"""Traces, as X-Ray keeps them: what was done for one request, where, and how long each step took.

X-Ray's segment documents are small JSON, so they are written here, by no SDK: importing one costs a third of a cold
start (docs/decisions/0046). On Lambda they go to the daemon beside the function, in datagrams that nobody waits for;
the GPU's worker gives a sink of its own. Without a sink, or in a trace that is not sampled, nothing is done.

A step has the ids that lines of the log have, as annotations. Never a name, a prompt or an error's text.
"""

import json
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from time import time
from types import MappingProxyType, TracebackType
from typing import Any, Protocol

from foreverus import logs

HEADER = "X-Amzn-Trace-Id"
MOST_PARTS = 100  # steps within one step that are kept: X-Ray takes documents of 64 KB
MOST_CALLS = 60  # of them calls of AWS, which come first and may be many
MOST_ALIKE = 8  # of a shard's lines
ANNOTATIONS = ("session_id", "conversation_id", "batch_id")  # of the log's ids; `backend` is given
_ROOT = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|\Z)")
_PARENT = re.compile(r";\s*Parent=([0-9a-f]{16})(?:;|\Z)")
_SAMPLED = re.compile(r";\s*Sampled=1(?:;|\Z)")
_UDP = re.compile(r"(?:\A|udp:)([\d.]+):(\d+)\Z")  # no name: looking one up would hold a function up
_CALL = "foreverus_step"  # in what botocore keeps of a call


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace, and the segment of it under which the next one comes. `sampled`: it is kept."""

    root: str
    parent: str = ""
    sampled: bool = False

    @property
    def header(self) -> str:
        """
        >>> Trace("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8", True).header
        'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
        """
        parent = f";Parent={self.parent}" if self.parent else ""
        return f"Root={self.root}{parent};Sampled={int(self.sampled)}"


def read_header(text: str) -> Trace | None:
    """Of an `X-Amzn-Trace-Id`; None where it names no trace. What else stands in it is not passed on."""
    root = _ROOT.search(text)
    if root is None:
        return None
    parent = _PARENT.search(text)
    return Trace(root[1], parent[1] if parent else "", bool(_SAMPLED.search(text)))


class Sink(Protocol):
    """Where documents go. `kind`: fields of each that is no part of another one."""

    @property
    def kind(self) -> Mapping[str, str]: ...

    def send(self, document: bytes) -> None:
        """Returns at once, whatever becomes of it."""


class Daemon:
    """Lambda's, which listens beside the function and sends on. `address`: as Lambda says it, `host:port`."""

    kind = MappingProxyType({"type": "subsegment"})  # of the segment that Lambda makes of the invocation
    _PREFIX = b'{"format":"json","version":1}\n'

    def __init__(self, address: str):
        found = _UDP.search(address)
        self._address = (found[1], int(found[2])) if found else None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def __del__(self) -> None:
        self._socket.close()

    def send(self, document: bytes) -> None:
        if self._address:
            with suppress(OSError):
                self._socket.sendto(self._PREFIX + document, self._address)


_given: Sink | None = None
_place: "ContextVar[Trace | Span | None]" = ContextVar("place", default=None)


def send_to(sink: Sink | None) -> None:
    """Of this process: its documents go there from now on. None: to Lambda's daemon, where there is one."""
    global _given
    _given = sink


@cache
def _daemon(address: str) -> Daemon:
    return Daemon(address)


def _sink() -> Sink | None:
    if _given is not None:
        return _given
    address = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    return _daemon(address) if address else None


def current() -> Trace | None:
    """Where what is begun now belongs: the open step, else the trace that was joined, else that of the invocation."""
    place = _place.get()
    if place is None:
        return read_header(os.environ.get("_X_AMZN_TRACE_ID", ""))
    return place.trace if isinstance(place, Span) else place


def header() -> str:
    """What goes with a message or a call, so that whoever gets it goes on in the same trace. Empty without one."""
    trace = current()
    return trace.header if trace else ""


@contextmanager
def joined(text: str) -> Iterator[None]:
    """What is begun within belongs to the trace that this header names, if it names one. In that one already, it stays
    where it is."""
    trace, here = read_header(text), current()
    mark = _place.set(trace) if trace and not (here and here.root == trace.root) else None
    try:
        yield
    finally:
        if mark:
            _place.reset(mark)


class Span:
    """A stretch of work, while it is done: a context manager. A step within a step is a part of it and is sent with it.

    `trace`: for what it calls. `annotations` are what X-Ray finds traces by."""

    __slots__ = ("_mark", "_more", "_parts", "_sink", "_whole", "annotations", "begun", "name", "trace")

    def __init__(self, name: str, annotations: Mapping[str, str], more: Mapping[str, object] = MappingProxyType({})):
        self.name = name
        self.annotations = dict(annotations)
        self.begun = time()
        self.trace: Trace | None = None
        self._more = more
        self._parts: list[dict[str, object]] = []
        self._whole: Span | None = None
        self._sink = _sink()
        self._mark: Any = None

    def begin(self) -> "Span":
        """Where nothing is traced it stays without a trace, and leaves nothing."""
        place, above = _place.get(), current()
        if self._sink is None or above is None or not above.sampled:
            return self
        self._whole = place if isinstance(place, Span) else None
        self.trace = Trace(above.root, secrets.token_hex(8), True)
        if above.parent and not self._whole:
            self._more = {**self._more, "parent_id": above.parent}
        return self

    def __enter__(self) -> "Span":
        if self.begin().trace:
            self._mark = _place.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mark is not None:
            _place.reset(self._mark)
            self.finish(error)

    def part(self, name: str, begun: float, ended: float) -> None:
        """A step that is known when it is over, in seconds of the epoch. One that took no time is left out."""
        if self.trace and ended > begun:
            self._add({"id": secrets.token_hex(8), "name": name, "start_time": begun, "end_time": ended})

    def waited(self, name: str, since: float, until: float = 0.0) -> None:
        """As `part`, of what came before the work, whose beginning this is then. `until`: now, without one."""
        self.part(name, since, until or time())
        self.begun = min(self.begun, since)

    def finish(self, error: BaseException | None = None) -> None:
        """It is over, well or with an error: its kind is kept, not its text."""
        if self.trace is None or self._sink is None:
            return
        document: dict[str, object] = {
            "id": self.trace.parent,
            "name": self.name,
            "start_time": self.begun,
            "end_time": max(time(), self.begun),
            **self._more,
        }
        annotations = self.annotations if self._whole else {**_ids(), **self.annotations}
        if isinstance(error, Exception):  # a task that is cancelled has not failed
            document["fault"] = True
            annotations = {**annotations, "error": type(error).__name__}
        if annotations:
            document["annotations"] = annotations
        if self._parts:
            document["subsegments"] = self._parts
        if self._whole:
            self._whole._add(document)
        else:
            whole = {"trace_id": self.trace.root, **document, **self._sink.kind}
            with suppress(Exception):  # whatever is wrong with a trace, what it is of goes on
                self._sink.send(json.dumps(whole, separators=(",", ":")).encode())

    def _add(self, part: dict[str, object]) -> None:
        if len(self._parts) < (MOST_CALLS if "namespace" in part else MOST_PARTS):
            self._parts.append(part)


def step(name: str, **annotations: str) -> Span:
    """`with step("read the history"): …`. `name`: letters, digits, spaces and `_.:/%&#=+\\-@`."""
    return Span(name, annotations)


def sampled(name: str, number: Iterator[int]) -> AbstractContextManager[object]:
    """A step of the first few of many that are alike. `number`: of this one, from 1 on."""
    return step(name) if next(number) <= MOST_ALIKE else nullcontext()


def note(**annotations: str) -> None:
    """More annotations of the open step, if there is one."""
    if isinstance(place := _place.get(), Span):
        place.annotations.update(annotations)


def note_stream(begun: float, first_at: float) -> None:
    """An answer was streamed until now, within the open step: asked for at `begun`, its first token at `first_at` (0:
    there was none)."""
    place, now = _place.get(), time()
    if isinstance(place, Span):
        place.part("first token", begun, first_at or now)
        place.part("stream", first_at or now, now)


def _ids() -> dict[str, str]:
    known = logs.bound()
    return {name: known[name] for name in ANNOTATIONS if name in known}


def trace_calls(client: Any) -> None:
    """Each call of this boto3 client becomes a step, where the function has a daemon: by its operation, with all its
    tries. No parameter of it: they hold texts."""
    if _sink() is None:
        return
    service = client.meta.service_model.service_id.hyphenize()
    region = client.meta.region_name or ""

    def before(model: Any, context: dict[str, object], **_: Any) -> None:
        called = {"namespace": "aws", "aws": {"operation": model.name, "region": region}}
        context[_CALL] = Span(service, {}, called).begin()

    def after(context: dict[str, object], exception: BaseException | None = None, **_: Any) -> None:
        if isinstance(one := context.pop(_CALL, None), Span):
            one.finish(exception)

    client.meta.events.register("before-call", before)
    client.meta.events.register("after-call", after)
    client.meta.events.register("after-call-error", after)
