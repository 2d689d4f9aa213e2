"""The contract of docs/architecture.md, played by hand on loopback: for what a real cloud does only when it is unlucky.

One HTTP server is the page's site, the REST API and the hosted sign-in; another port is the WebSocket. A test is the
worker: it says when a session changes, which delta arrives and when a line breaks.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from foreverus.conversations.search.words import folded, is_found
from foreverus.deployment import site
from foreverus.files.forms import read_form
from foreverus.sessions.refused import RefusedPool
from tests.browser.fake_batches import ENDS_WITHIN_S, FakeBatches
from tests.browser.fake_documents import FakeDocuments
from tests.browser.fake_person import FakePerson, refused
from tests.browser.fake_sessions import new_session, with_events
from tests.browser.fake_tokens import token_answer
from tests.browser.fake_voice import FakeVoice
from tests.browser.slowness import come_late
from tests.template.page_headers import page_headers

KINDS = {".html": "text/html", ".css": "text/css", ".png": "image/png", **site.KINDS}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST,PATCH,DELETE,OPTIONS",
    "Access-Control-Allow-Headers": "Authorization,Content-Type,Idempotency-Key,X-Amzn-Trace-Id",
    "Access-Control-Expose-Headers": "Date,X-Request-Id,*",
}


def instant(minutes: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def part(listed: list[dict], query: dict, usual: int) -> dict:
    """Of a list, `limit` entries behind the one with the id `after`."""
    behind = next((i + 1 for i, one in enumerate(listed) if one["id"] == query.get("after")), 0)
    end = behind + int(query.get("limit", usual))
    return {"object": "list", "data": listed[behind:end], "has_more": end < len(listed)}


def marked_parts(text: str, words: str) -> list[dict]:
    """`words` are folded: no accents, small letters. Those that are not beside one another are not marked."""
    at = folded(text).find(words)
    if at < 0:
        return [{"text": text, "marked": False}]
    parts = ((text[:at], False), (text[at : at + len(words)], True), (text[at + len(words) :], False))
    return [{"text": piece, "marked": marked} for piece, marked in parts if piece]


class FakeCloud:
    def __init__(self, built: Path):
        self.site = built
        self.sessions: dict[str, dict] = {}
        self.conversations: dict[str, dict] = {}
        self.messages: dict[str, list[dict]] = {}
        self.keys: dict[str, dict] = {}  # Idempotency-Key: what was answered
        self.versions: dict[str, list[dict]] = {}  # by a message's id: as it was when that was last in it
        self.api_keys: dict[str, dict] = {}
        self.export: dict | None = None
        self.requests: list[tuple[str, str]] = []
        self.queries: list[tuple[str, dict]] = []  # of those that have one
        self.grants: list[str] = []
        self.revoked: list[dict] = []
        self.refused: tuple[RefusedPool, ...] = ()  # what EC2 did not sell to a session that changes from now on
        self.end_requested: dict[str, str] = {}  # when, by session
        self.idle = {"seconds": 0, "usd": 0, "sessions": 0}
        self.work: dict = {}  # what is in work, where anything is
        self.subscriptions: dict[ServerConnection, set[str]] = {}
        self.troubles: list[tuple[str, str, int]] = []  # method, end of path, status (0: done, but never answered)
        self.holding: dict[str, threading.Event] = {}
        self.late: Callable[[], float] = lambda: 0  # by how many seconds a request is answered later
        self.says = "Nothing was kept"  # as the message of such an error
        self.code: str | None = None  # of such an error
        self.refuse_sockets = False
        self.site_status = 0  # what the site answers instead of its files
        self.mute = False  # sockets take everything and say nothing
        self.unreachable = False  # the API and the sign-in take no request; what is open stays open
        self.tickets: set[str] = set()
        self.month_usd = 0.0
        self.quotes: list[dict] = []
        self.why_titles_alone: str | None = None  # why what was said cannot be searched
        self.forecast = {
            **{"low": 9.1, "expected": 12.4, "high": 15.7, "usd_per_day": 0.4, "days_left": 6.04},
            **{
                "from": "2026-11-10",
                "to": "2026-11-23",
                "days": 14,
                "enough": True,
                "passes_cap_on": None,
                "text": "At",
            },
        }
        self.used: dict = {}  # what GET /usage has beside the meter where it is grouped
        self.batches = FakeBatches(self.new_id)
        self.own = FakePerson(self.new_id, instant)
        self.voice = FakeVoice()
        self.documents = FakeDocuments(self.new_id, instant, self.batches)
        self._number = 0
        self._lock = threading.RLock()

    def __enter__(self) -> "FakeCloud":
        handler = type("Handler", (_Handler,), {"cloud": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.socket = serve(self._serve_socket, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.socket_port = self.socket.socket.getsockname()[1]  # whoever asks as it closes gets an answer too
        serving = (partial(self.http.serve_forever, ENDS_WITHIN_S), self.socket.serve_forever)
        self._threads = [threading.Thread(target=one) for one in serving]
        for thread in self._threads:
            thread.start()
        self.batches.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.drop_lines()
        self.http.shutdown()
        self.http.server_close()
        self.socket.shutdown()
        self.batches.stop()
        for thread in self._threads:
            thread.join()

    def takes_ticket(self, path: str) -> bool:
        """Whether a socket's address has a ticket that was given out and not used."""
        (ticket,) = parse_qs(urlsplit(path).query).get("ticket", [""])
        with self._lock:
            known = ticket in self.tickets
            self.tickets.discard(ticket)
        return known

    def page_headers(self) -> dict[str, str]:
        """As CloudFront sends them, but what is for HTTPS alone."""
        here = {
            **{"ExecuteApiUrl": self.url, "CognitoUrl": self.url, "FilesUrl": self.batches.url},
            "ExecuteApiWebSocketUrl": f"ws://127.0.0.1:{self.socket_port}",
            "Voice": "managed" if self.own.has_voice else "off",
        }
        return {name: value for name, value in page_headers(here).items() if name != "Strict-Transport-Security"}

    # What a test plays.

    @contextlib.contextmanager
    def held(self, path: str) -> Iterator[None]:
        """Requests of this path are answered when the block ends."""
        self.holding[path] = threading.Event()
        try:
            yield
        finally:
            self.holding.pop(path).set()

    def set_session(self, session_id: str, **changes: object) -> None:
        with self._lock:
            session = {**self.sessions[session_id], **changes}
            session["version"] += 1
            if session["end_requested"]:
                self.end_requested.setdefault(session_id, instant())
            known = {"end_requested_at": self.end_requested.get(session_id, ""), "refused": self.refused}
            session = self.sessions[session_id] = with_events(session, **known)
        self.push(f"session:{session_id}", {"type": "session", "session": session})

    def add_phase(self, session_id: str, name: str, **changes: object) -> None:
        session = self.sessions[session_id]
        phases = [*session["phases"], {"name": name, "at": instant(), "attempt": session["attempt"]}]
        self.set_session(session_id, phases=phases, **changes)

    def answers(self) -> list[dict]:
        with self._lock:
            return [m for messages in self.messages.values() for m in messages if m["role"] == "assistant"]

    def delta(self, answer: dict, offset: int, text: str) -> None:
        """A piece of an answer as the worker pushes it; nothing is stored."""
        frame = {"conversation_id": answer["conversation_id"], "offset": offset}
        frame["message_id"] = answer["id"].replace("ans_", "msg_")
        self.push(f"conversation:{answer['conversation_id']}", {"type": "delta", **frame, "text": text})

    def finish(self, answer: dict, text: str, **changes: object) -> None:
        answer.update({"content": text, "status": "answered", "answered_at": instant(), **changes})
        conversation_id = answer["conversation_id"]
        self.push(
            f"conversation:{conversation_id}",
            {"type": "message", "conversation_id": conversation_id, "message": answer},
        )

    def drop_lines(self) -> None:
        for line in list(self.subscriptions):
            with contextlib.suppress(OSError):  # the page may just have closed it
                line.socket.shutdown(2)

    def push(self, topic: str, frame: dict) -> None:
        for line, topics in list(self.subscriptions.items()):
            if topic in topics:
                line.send(json.dumps(frame))

    def told(self, conversation: dict) -> dict:
        """The same; the person's open pages hear of it."""
        self.push("list:conversations", {"type": "conversation", "conversation": conversation})
        return conversation

    def entitle(self, conversation_id: str, title: str) -> None:
        """As the first words of its first question, or the model, do."""
        self.conversations[conversation_id]["title"] = title
        self.told(self.conversations[conversation_id])

    def have_conversations(self, *titles: str) -> list[str]:
        """Made one after the other, long ago. Returns their ids."""
        made = [{"id": self.new_id("con"), "object": "conversation", "title": title} for title in titles]
        for age, one in enumerate(reversed(made), 1000):
            one["created_at"] = instant(minutes=-age)
        self.conversations.update({one["id"]: one for one in made})
        self.messages.update({one["id"]: [] for one in made})
        return [one["id"] for one in made]

    # What the page calls.

    def new_id(self, prefix: str) -> str:
        with self._lock:
            self._number += 1
            return f"{prefix}_{self._number:06d}"

    def start_session(self) -> tuple[int, dict]:
        for session in self.sessions.values():
            if session["status"] not in ("ended", "failed"):
                return 200, session
        session_id = self.new_id("ses")
        self.sessions[session_id] = new_session(session_id, instant())
        return 201, self.sessions[session_id]

    def make_key(self, wish: dict) -> tuple[int, dict]:
        key_id = self.new_id("key")
        secret = f"fu_{key_id.replace('_', ''):x<43}"
        shown = {"id": key_id, "object": "api_key", "last_four": secret[-4:], "created_at": instant()}
        self.api_keys[key_id] = {**shown, "last_used_at": None, **wish}
        return 201, {**self.api_keys[key_id], "key": secret}

    def accept(self, conversation_id: str, body: dict, key: str) -> tuple[int, dict]:
        with self._lock:
            if key in self.keys:
                return 202, self.keys[key]
            number = self.new_id("")
            shared = {"object": "message", "conversation_id": conversation_id, "created_at": instant()}
            shown = {"images": self.batches.shown(body["images"])} if body.get("images") else {}
            question = {**shared, "id": f"msg{number}", "role": "user", "status": "accepted", **body, **shown}
            answer = {**shared, "id": f"ans{number}", "role": "assistant", "status": "queued", "content": ""}
            self.replace(conversation_id, question)
            self.messages[conversation_id] += [question, answer]
            if not self.conversations[conversation_id].get("title"):
                self.entitle(conversation_id, body["content"][:60])
            self.keys[key] = {"message": dict(question), "answer": dict(answer), "session": None}
            return 202, self.keys[key]

    def replace(self, conversation_id: str, question: dict) -> None:
        """What a question takes the place of, and all that followed, is an earlier version."""
        if replaced := question.get("replaces"):
            now = self.messages[conversation_id]
            question["version"] = 1 + next(one for one in now if one["id"] == replaced).get("version", 1)
            at = next(i for i, one in enumerate(now) if one["id"] == replaced)
            self.versions[replaced] = now[:]
            self.messages[conversation_id] = now[:at]

    def take(self, given: dict) -> dict:
        """The same conversation of the same source is one, whatever of it comes twice."""
        name = f"con_{given['source']}_{given['source_id']}"
        title, begun = given["title"], given["created_at"]
        new = {"id": name, "object": "conversation", "title": title, "created_at": begun}
        self.conversations.setdefault(name, new)
        messages = self.messages.setdefault(name, [])
        wanted = given["exchanges"][max(0, len(messages) // 2 - given["first"]) :]
        for one in wanted:
            number = self.new_id("")
            shared = {"object": "message", "conversation_id": name, "created_at": begun}
            answer = {"role": "assistant", "status": "answered", "imported_from": given["source"]}
            messages.append({**shared, "id": f"msg{number}", "role": "user", "content": one["question"]})
            messages.append({**shared, "id": f"ans{number}", "content": one["answer"], **answer})
        if wanted and not given["first"]:
            self.told(self.conversations[name])
        known = len(given["exchanges"]) - len(wanted)
        return {"object": "conversation.imported", "id": name, "taken": len(wanted), "known": known}

    def found(self, query: dict) -> dict:
        """Conversations in whose title or newest such message the words stand as they are, as the API shows them."""
        words, hits = folded(query["q"]), []
        for one in list(self.conversations.values())[::-1]:
            said = [m for m in self.messages[one["id"]] if words in folded(m["content"] or "")]
            title = one.get("title") or ""
            message = None
            if said and not self.why_titles_alone:
                message = {"id": said[-1]["id"], "role": said[-1]["role"], "earlier": False}
                message["snippet"] = marked_parts(said[-1]["content"], words)
            in_title = marked_parts(title, words) if is_found(title, words) else None
            if message or in_title:
                hits.append({**one, "match": {"title": in_title, "message": message}})
        waking = self.why_titles_alone == "database_waking"
        searched = "titles" if self.why_titles_alone else "titles_and_texts"
        told = {"searched": searched, "why": self.why_titles_alone, "retry_after_seconds": 1 if waking else None}
        return {**part(hits, query, 20), **told}

    def call(self, method: str, path: str, query: dict, body: dict, key: str) -> tuple[int, dict | bytes]:
        parts = path.split("/")[2:]
        if parts[0] in ("models", "files", "batches"):
            with self._lock:
                return self.batches.call(method, parts, query, body, key)
        if answer := self.own.call(method, parts, body, key):
            return answer
        if parts[0] == "documents":
            return self.documents.call(method, parts, query, body, key)
        match method, parts:
            case "POST", ["sessions"]:
                return self.start_session()
            case "GET", ["sessions"]:
                return 200, {"object": "list", "data": list(self.sessions.values())[::-1], "has_more": False}
            case "GET", ["sessions", session_id]:
                return 200, self.sessions[session_id]
            case "DELETE", ["sessions", session_id]:
                self.set_session(session_id, end_requested=True)
                return 202, self.sessions[session_id] | ({"work": self.work} if self.work else {})
            case "GET", ["sessions", session_id, "work"] if self.work:
                return 200, self.work
            case "POST", ["keys"]:
                return self.make_key(body)
            case "GET", ["keys"]:
                return 200, {"object": "list", "data": list(self.api_keys.values())[::-1], "has_more": False}
            case "DELETE", ["keys", key_id] if self.api_keys.pop(key_id, None):
                gone = {"id": key_id, "object": "api_key.deleted", "deleted": True, "effective_within_seconds": 60}
                return 200, gone
            case "GET" | "POST", ["me", "export"]:
                self.export = self.export or {"id": "export_1", "object": "export", "status": "running"}
                at = {"created_at": instant(), "expires_at": instant(7 * 1440)}
                return 202, {**at, **self.export}
            case "DELETE", ["me"] if body == {"confirm": "delete everything"}:
                kept = [{"where": "logs", "what": "random ids, no text", "days": 30}]
                return 202, {"id": "erasure_1", "object": "erasure", "status": "in_progress", "kept": kept}
            case "GET", ["usage"]:
                caps = {"monthly_usd": 20, "session_usd": 4}
                spent = {"spent_usd": self.month_usd, "live_usd": 0, "total_usd": self.month_usd}
                meter = {"object": "usage", "month": "2026-11", **spent, "live": [], "caps": caps, "capacity": []}
                meter |= {"reserved_usd": 0, "left_usd": max(0, 20 - self.month_usd), "idle": self.idle}
                meter["forecast"] = self.forecast
                return 200, {**meter, **self.used} if query else meter
            case "POST", ["quotes"]:
                self.quotes.append(body)
                return 200, self.quote(body)
            case "POST", ["imports"]:
                return 200, self.take(body)
            case "GET", ["conversations"] if "q" in query:
                return 200, self.found(query)
            case "GET", ["conversations"]:
                newest = list(self.conversations.values())[::-1]
                return 200, part(sorted(newest, key=lambda one: not one.get("pinned")), query, 20)
            case "GET", ["conversations", conversation_id] if conversation_id in self.conversations:
                return 200, self.conversations[conversation_id]
            case "POST", ["conversations"]:
                if error := refused("conversation_create", body):
                    return error
                new = {"id": self.new_id("con"), "object": "conversation", "title": "", "created_at": instant(), **body}
                self.conversations[new["id"]], self.messages[new["id"]] = new, []
                return 201, self.told(new)
            case "GET", ["conversations", conversation_id, "messages"] if conversation_id in self.conversations:
                order = -1 if query.get("order") == "desc" else 1
                shown = self.versions.get(query.get("version", ""), self.messages[conversation_id])
                return 200, part(shown[::order], query, 100)
            case "POST", ["conversations", conversation_id, "messages", answer_id, "regenerate"]:
                asked = "msg" + answer_id[3:]
                content = next(one["content"] for one in self.messages[conversation_id] if one["id"] == asked)
                return self.accept(conversation_id, {"content": content, "replaces": asked, **body}, key)
            case "POST", ["tickets"]:
                ticket = self.new_id("ft")
                self.tickets.add(ticket)
                return 201, {"object": "ticket", "ticket": ticket, "expires_in": 30}
            case "PATCH", ["conversations", conversation_id] if conversation_id in self.conversations:
                if error := refused("conversation_change", body):
                    return error
                self.conversations[conversation_id].update(body)
                return 200, self.told(self.conversations[conversation_id])
            case "DELETE", ["conversations", conversation_id, "messages", message_id, "exchange"]:
                kept = [one for one in self.messages[conversation_id] if one["id"][4:] != message_id[4:]]
                self.messages[conversation_id] = kept
                frame = {"type": "deleted", "conversation_id": conversation_id, "message_id": message_id}
                self.push(f"conversation:{conversation_id}", frame)
                return 200, {"id": message_id, "object": "message.deleted", "deleted": True}
            case "DELETE", ["conversations", conversation_id, "messages", answer_id]:
                answer = next(one for one in self.messages[conversation_id] if one["id"] == answer_id)
                answer.update(status="answered", finish_reason="stopped", answered_at=instant())
                return 200, answer
            case "DELETE", ["conversations", conversation_id] if self.conversations.pop(conversation_id, None):
                return 200, self.told({"id": conversation_id, "object": "conversation.deleted", "deleted": True})
            case "POST", ["conversations", conversation_id, "messages"]:
                return self.accept(conversation_id, body, key)
        return 404, {"error": {"message": f"{method} {path}", "type": "not_found_error", "param": None, "code": None}}

    @staticmethod
    def quote(wish: dict) -> dict:
        """US$ 0.01 a minute or a line on the GPU, a tenth of that on Bedrock, which has no sessions."""

        def around(value: float) -> dict:
            return {"low": value / 2, "expected": value, "high": value * 2}

        size = wish.get("minutes") or wish.get("lines") or wish.get("messages", 1)
        gpu = {"usd": around(size * 0.01), "seconds": around(size * 60), "first_word_seconds": around(240)}
        bedrock = {"usd": around(size * 0.001), "seconds": around(size * 6), "first_word_seconds": around(1)}
        why_not = "Bedrock has no sessions." if wish["kind"] == "session" else None
        return {
            **{"object": "quote", "kind": wish["kind"], "created_at": instant(), "work": {}},
            "backends": [
                {"backend": "gpu", **gpu, "why_not": None},
                {"backend": "bedrock", **bedrock, "why_not": why_not},
            ],
            "auto": {"backend": "bedrock", "reason": "cheaper", "text": "Bedrock is cheaper."},
            "assumptions": [
                {
                    "name": "gpu_boot_seconds",
                    **around(240),
                    "unit": "seconds",
                    "source": "learned from 7 sessions of this deployment",
                },
                {
                    "name": "bedrock_usd_per_million_completion_tokens",
                    **around(0.2),
                    "unit": "US$ a million tokens",
                    "source": "Bedrock on-demand in us-east-1, published 2026-11, aws.amazon.com/bedrock/pricing",
                },
            ],
            "month": {"left_usd": 12.0, "monthly_cap_usd": 20.0},
        }

    def _serve_socket(self, line: ServerConnection) -> None:
        if self.refuse_sockets or not self.takes_ticket(line.request.path):
            return
        self.subscriptions[line] = set()
        try:
            for text in line:
                frame = json.loads(text)
                if self.mute:
                    continue
                if frame["action"] == "ping":
                    line.send('{"type": "pong"}')
                    continue
                topics = {k: v for k, v in frame.items() if k != "action"}
                kind, value = next(iter(topics.items()))
                change = (
                    self.subscriptions[line].add if frame["action"] == "subscribe" else self.subscriptions[line].discard
                )
                change(f"{kind.removesuffix('_id')}:{value}")
                line.send(json.dumps({"type": f"{frame['action']}d", **topics}))
        except ConnectionClosed:
            pass
        finally:
            self.subscriptions.pop(line, None)


class _Handler(BaseHTTPRequestHandler):
    cloud: FakeCloud

    def log_message(self, *_: object) -> None:
        pass

    def reply(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        come_late()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **CORS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # the page was closed, or loaded anew
            self.wfile.write(body)

    def handle_any(self) -> None:
        cloud, url = self.cloud, urlsplit(self.path)
        if cloud.unreachable and url.path.startswith(("/v1/", "/oauth2/")):
            self.close_connection = True
            self.connection.shutdown(2)
            return
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = url.query if url.path.startswith("/v1/") else url.query or raw.decode()
        query = {name: values[0] for name, values in parse_qs(form).items()}
        if self.command == "OPTIONS":
            self.reply(204, b"")
        elif url.path.startswith("/v1/"):
            self.rest(url.path, query, raw)
        elif url.path == "/oauth2/authorize":  # signed in at once: the real form is the other test's
            self.reply(
                302, b"", Location=f"{query['redirect_uri']}?{urlencode({'code': 'c', 'state': query['state']})}"
            )
        elif url.path == "/oauth2/token":
            cloud.grants.append(query["grant_type"])
            self.reply(200, json.dumps(token_answer()).encode())
        elif url.path == "/oauth2/revoke":
            cloud.revoked.append(query)
            self.reply(200, b"")
        elif url.path == "/logout":
            self.reply(302, b"", Location=query["logout_uri"])
        elif url.path == "/config.json" and not cloud.site_status:
            address = f"ws://127.0.0.1:{cloud.socket_port}"
            cognito = {"authority": f"{cloud.url}/pool", "client_id": "client", "domain": cloud.url}
            config = {"api_url": f"{cloud.url}/v1", "websocket_url": address, "cognito": cognito}
            config |= {"files_url": cloud.batches.url, "documents": "on" if cloud.documents.enabled else "off"}
            self.reply(200, json.dumps(config).encode())
        elif cloud.site_status:
            self.reply(cloud.site_status, b"")
        else:
            if url.path in cloud.holding:
                cloud.holding[url.path].wait()
            file = cloud.site / (url.path.lstrip("/") or "index.html")
            found = (200, file.read_bytes(), KINDS[file.suffix]) if file.is_file() else (404, b"")
            self.reply(*found, **cloud.page_headers())

    do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = handle_any

    def rest(self, path: str, query: dict, raw: bytes) -> None:
        cloud = self.cloud
        cloud.requests.append((self.command, path))
        if query:
            cloud.queries.append((path, query))
        if path in cloud.holding:
            cloud.holding[path].wait()
        time.sleep(cloud.late())
        asked = (path, self.path)  # with what stands behind the question mark one request is told from another
        trouble = next(
            (t for t in cloud.troubles if t[0] == self.command and any(one.endswith(t[1]) for one in asked)), None
        )
        if trouble:
            cloud.troubles.remove(trouble)
            if trouble[2]:
                error = {"message": cloud.says, "type": "server_error", "param": None, "code": cloud.code}
                named = {"x-request-id": f"request-{len(cloud.requests)}"}
                named |= {"Retry-After": "30"} if cloud.code == "container_starting" else {}
                return self.reply(trouble[2], json.dumps({"error": error}).encode(), **named)
        kind = self.headers.get("Content-Type") or ""
        if path.startswith("/v1/audio/"):
            status, answer = cloud.voice.call(path.removeprefix("/v1/audio/"), kind, raw)
        else:
            key = self.headers.get("Idempotency-Key") or cloud.new_id("key")
            body = {"form": read_form(kind, raw)} if kind.startswith("multipart/") else json.loads(raw or b"{}")
            status, answer = cloud.call(self.command, path, query, body, key)
        if trouble:
            self.close_connection = True
            self.connection.shutdown(2)  # it was done, and nobody will ever know
            return None
        if isinstance(answer, bytes):
            return self.reply(status, answer, "application/octet-stream")
        if status == 302:
            return self.reply(302, b"", Location=answer["location"])
        return self.reply(status, json.dumps(answer).encode())
