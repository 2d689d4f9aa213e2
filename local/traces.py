"""The laptop's traces, as a page: the last 100, and of each what took how long.

Written by the server, without a script: a table, and a waterfall of boxes. The segments are the emulator's
(local/patches/xray.py); on AWS the console of X-Ray shows the same.
"""

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.web import Handler, Web

MOST = 100
PATH = "/_foreverus/traces"  # of the emulator
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
STYLE = """
:root{color-scheme:light dark;--line:light-dark(#ddd,#3a3a3a);--bar:light-dark(#4a7dbd,#6fa0dc)}
:root{--wait:light-dark(#d9a441,#c9923a);--bad:light-dark(#b3261e,#f2867e)}
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:76rem;padding:0 1rem}
a{color:inherit}h1{font-size:1.3rem;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td{overflow-wrap:anywhere}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
small,.id{opacity:.75;font-size:.85em}.bad{color:var(--bad);font-weight:600}.scroll{overflow-x:auto}
.lane{position:relative;height:1.1rem;min-width:16rem}
.lane i{position:absolute;top:.15rem;bottom:.15rem;background:var(--bar);border-radius:2px;min-width:2px}
.lane i.wait{background:var(--wait)}.lane i.bad{background:var(--bad)}.lane i.open{opacity:.45}
td.lane-cell{width:55%}
"""


@dataclass(frozen=True)
class Span:
    """A segment or a part of one, in seconds of the epoch. `is_open`: it has not ended yet."""

    id: str
    parent: str
    name: str
    begun: float
    ended: float
    annotations: dict[str, str] = field(default_factory=dict)
    bad: str = ""
    is_open: bool = False
    method: str = ""
    is_call: bool = False  # of AWS

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


@dataclass(frozen=True)
class TraceShown:
    root: str
    spans: tuple[Span, ...]

    @property
    def begun(self) -> float:
        return min(one.begun for one in self.spans)

    @property
    def seconds(self) -> float:
        return max(one.ended for one in self.spans) - self.begun

    @property
    def name(self) -> str:
        """What began it: a request, else its first segment."""
        first = sorted(self.spans, key=lambda one: (not one.method, one.begun))[0]
        return first.name

    @property
    def annotations(self) -> dict[str, str]:
        found: dict[str, set[str]] = {}
        for one in self.spans:
            for name, value in one.annotations.items():
                found.setdefault(name, set()).add(str(value))
        return {name: ", ".join(sorted(values)) for name, values in sorted(found.items())}

    @property
    def failed(self) -> int:
        return sum(bool(one.bad) for one in self.spans)

    @property
    def only_looks(self) -> bool:
        """A page that reads, or what runs by itself every few minutes."""
        methods = {one.method for one in self.spans} - {""}
        return methods <= {"GET"} and not any(one.annotations.get("backend") for one in self.spans)


def read(documents: Sequence[dict[str, Any]], now: float) -> tuple[Span, ...]:
    return tuple(span for one in documents for span in _spans(one, str(one.get("parent_id") or ""), now))


def _spans(document: dict[str, Any], parent: str, now: float) -> Iterator[Span]:
    asked = document.get("http", {}).get("request", {})
    name = str(document.get("name", ""))
    operation = document.get("aws", {}).get("operation")
    words = [*([asked["method"], asked.get("url", "")] if asked.get("method") else [name]), operation or ""]
    error = document.get("annotations", {}).get("error") or ("fault" if document.get("fault") else "")
    yield Span(
        id=str(document["id"]),
        parent=parent,
        name=" ".join(filter(None, words)),
        begun=float(document["start_time"]),
        ended=float(document.get("end_time") or now),
        annotations=dict(document.get("annotations", {})),
        bad=str(error or ("refused" if document.get("error") else "")),
        is_open="end_time" not in document,
        method=str(asked.get("method", "")),
        is_call=document.get("namespace") == "aws",
    )
    for part in document.get("subsegments", []):
        yield from _spans(part, str(document["id"]), now)


def in_order(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """As a tree, each level by time, with its depth. Whose parent is not there stands at the top."""
    below: dict[str, list[Span]] = {}
    known = {one.id for one in spans}
    for one in sorted(spans, key=lambda one: one.begun):
        below.setdefault(one.parent if one.parent in known else "", []).append(one)
    shown: list[tuple[int, Span]] = []
    waiting = [(0, one) for one in reversed(below.get("", []))]
    while waiting:
        depth, one = waiting.pop()
        shown.append((depth, one))
        waiting += [(depth + 1, part) for part in reversed(below.get(one.id, []))]
    return shown


def folded(shown: Sequence[tuple[int, Span]], whole: float) -> list[tuple[int, Span]]:
    """Calls of AWS that follow each other and took next to nothing of the whole become one row: there are dozens, and
    why something was slow stands between them."""
    rows: list[tuple[int, Span]] = []
    together: list[Span] = []
    for at, (depth, one) in enumerate(shown):
        small = one.is_call and not one.bad and one.seconds < 0.02 * whole
        if small and (len(shown) == at + 1 or shown[at + 1][0] <= depth):
            if together and rows[-1][0] == depth:
                together.append(one)
                rows[-1] = (depth, _as_one(together))
                continue
            together = [one]
        else:
            together = []
        rows.append((depth, one))
    return rows


def _as_one(calls: Sequence[Span]) -> Span:
    services = Counter(one.name.partition(" ")[0] for one in calls)
    told = ", ".join(f"{service} {count}" for service, count in services.most_common())
    begun, ended = min(one.begun for one in calls), max(one.ended for one in calls)
    return replace(calls[0], name=f"{len(calls)} short calls: {told}", begun=begun, ended=ended)


def overview(traces: Sequence[TraceShown], everything: bool) -> str:
    rows = "".join(
        f"<tr><td class=n>{_clock(one.begun)}<td><a href='/{one.root}'>{escape(one.name)}</a>"
        f"<td class=n>{_seconds(one.seconds)}<td>{_ids(one.annotations)}"
        f"<td>{f'<span class=bad>{one.failed} failed</span>' if one.failed else ''}</tr>"
        for one in traces
    )
    other = "<a href='/'>without mere looks</a>" if everything else "<a href='/?all=1'>with all looks and sweeps</a>"
    head = "<tr><th class=n>UTC<th>What began it<th class=n>Took<th>What it was about<th></tr>"
    empty = "" if traces else "<p>Nothing yet: send a message on the page, then load this again."
    return f"<h1>The last {MOST} traces</h1><p>{other}<div class=scroll><table>{head}{rows}</table></div>{empty}"


def waterfall(trace: TraceShown) -> str:
    whole = max(trace.seconds, 0.001)
    rows = []
    for depth, one in folded(in_order(trace.spans), whole):
        left, width = 100 * (one.begun - trace.begun) / whole, 100 * one.seconds / whole
        kind = "bad" if one.bad else "wait" if one.name.endswith(" wait") else ""
        kind += " open" if one.is_open else ""
        said = f" <span class=bad>{escape(one.bad)}</span>" if one.bad else ""
        said += " <small>not over yet</small>" if one.is_open else ""
        rows.append(
            f"<tr><td style='padding-left:{0.6 + depth}rem'>{escape(one.name)}{said}"
            f"<td class=n>{_seconds(one.begun - trace.begun)}<td class=n>{_seconds(one.seconds)}"
            f"<td class=lane-cell><div class=lane>"
            f"<i class='{kind}' style='left:{left:.3f}%;width:{width:.3f}%'></i></div></tr>"
        )
    head = "<tr><th>What<th class=n>After<th class=n>Took<th></tr>"
    about = f"<p class=id>{escape(trace.root)} · {_clock(trace.begun)} UTC<p>{_ids(trace.annotations)}"
    table = f"<div class=scroll><table>{head}{''.join(rows)}</table></div>"
    return f"<p><a href='/'>← all</a><h1>{escape(trace.name)}: {_seconds(trace.seconds)}</h1>{about}{table}"


def _ids(annotations: dict[str, str]) -> str:
    return "<br>".join(
        f"<small>{escape(name)}</small> <span class=id>{escape(value)}</span>" for name, value in annotations.items()
    )


def _seconds(seconds: float) -> str:
    """
    >>> _seconds(0.0123), _seconds(2.345), _seconds(754.2)
    ('12 ms', '2.35 s', '12 min 34 s')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 100 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def last_traces(emulator_url: str) -> list[TraceShown]:
    """Newest first."""
    with urllib.request.urlopen(emulator_url + PATH, timeout=10) as answer:
        found = json.load(answer)["traces"]
    now = datetime.now(UTC).timestamp()
    shown = [TraceShown(root, read(documents, now)) for root, documents in found.items()]
    return sorted(shown, key=lambda one: -one.begun)


class TracesPage:
    """Serves what the emulator has kept."""

    def __init__(self, emulator_url: str) -> None:
        self.emulator_url = emulator_url
        page = self

        class TracesHandler(Handler):
            def do_GET(self) -> None:
                if self.host_is_ours():
                    status, body = page.page(self.path)
                    self.answer(status, body.encode(), HEADERS)

            do_HEAD = do_GET

        self.web = Web(TracesHandler)
        self.url = f"http://localhost:{self.web.port}/"

    def page(self, path: str) -> tuple[int, str]:
        asked = urlsplit(path)
        everything = "all" in parse_qs(asked.query)
        traces = last_traces(self.emulator_url)
        if asked.path == "/":
            wanted = [one for one in traces if everything or not one.only_looks]
            return 200, _html(overview(wanted[:MOST], everything))
        for one in traces:
            if asked.path == f"/{one.root}":
                return 200, _html(waterfall(one))
        return 404, _html("<p><a href='/'>← all</a><p>This trace is not kept any more.")


def _html(body: str) -> str:
    title = "<meta charset=utf-8><meta name=viewport content='width=device-width'><title>Traces</title>"
    return f"<!doctype html><html lang=en><head>{title}<style>{STYLE}</style></head><body>{body}</body></html>"
