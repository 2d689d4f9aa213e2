"""Many people at once, each with an account, a key and an open WebSocket of their own, who come one after the other."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from local import deploy
from local.cloud import Cloud

AT_ONCE = 24  # who have a request open: more only wait for the laptop's two cores
PATIENCE_S = 600.0  # for an answer, on a machine that does much else
SILENCE_S = 15.0  # as the page: without a frame for so long it reads what it missed, or connects anew
TRIES = 4
TOKENS = 32


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    user_id: str
    key: str


def accounts(cloud: Cloud, count: int, named: str) -> list[Account]:
    """New ones, in the user pool and with a key each."""

    def make(number: int) -> Account:
        name = f"{named}-{number}@example.com"
        user_id = deploy.make_user(cloud.emulator, cloud.stack["UserPoolId"], "Scale-2026-people", name)
        return Account(name, user_id, deploy.make_api_key(cloud.emulator, cloud.stack["KeysTableName"], user_id))

    return [make(number) for number in range(count)]  # one by one: the emulator's pool is no place for threads


@dataclass
class Talk:
    """What a person asked and heard. `accepted`: messages in the order of their asking. `refused`: codes. `ends`: final
    answers in the order in which they came; `deltas`: of each message, by offset. `missed`: ends that it had to read,
    because its line had lost them; `lines`: WebSockets that it took."""

    account: Account
    conversation: str = ""
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    deltas: dict[str, dict[int, str]] = field(default_factory=dict)
    problem: str = ""
    missed: set[str] = field(default_factory=set)
    lines: int = 0

    def hear(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "delta":
            self.deltas.setdefault(frame["message_id"], {})[frame["offset"]] = frame["text"]
        elif frame["type"] == "message" and frame["message"]["id"] not in self.missed:
            self.ends.append(frame["message"])

    def wrong(self, asked: int, most: int) -> str:
        """What is not as it has to be, or nothing. `asked`: messages at once, of which `most` are accepted."""
        if self.problem:
            return self.problem
        if len(self.accepted) != min(asked, most) or self.refused != ["too_many_messages"] * (
            asked - len(self.accepted)
        ):
            return f"of {asked} messages {len(self.accepted)} were accepted, the others refused with {self.refused}"
        if [one["in_reply_to"] for one in self.ends] != self.accepted:
            return f"{self.accepted} was answered by {[one['in_reply_to'] for one in self.ends]}"
        for end in self.ends:
            parts = sorted(self.deltas.get(end["in_reply_to"], {}).items())
            text = end["content"] or ""
            if end["status"] != "answered" and not (end.get("error") or {}).get("message"):
                return f"{end['id']} has neither an answer nor an error"
            if end["status"] == "answered" and any(text[at : at + len(part)] != part for at, part in parts):
                return f"{end['id']}: {end['content']!r} was shown as {parts}"
        return ""


class Crowd:
    """People who come `gap_s` apart, at most AT_ONCE of whom are being served; each stays connected to the end."""

    def __init__(self, outputs: dict[str, Any], backend: str, gap_s: float, asks: Sequence[int]) -> None:
        """`asks`: how many messages each person sends, one right after the other."""
        self.outputs, self.backend, self.gap_s, self.asks = outputs, backend, gap_s, asks
        self.serving = asyncio.Semaphore(AT_ONCE)
        self.http = httpx.AsyncClient(base_url=outputs["api_url"], timeout=300, trust_env=False)
        self.begun = time.monotonic()

    async def talk(self, people: Sequence[Account]) -> list[Talk]:
        over = asyncio.Event()
        talks = [Talk(one) for one in people]
        left = len(talks)

        async def one(number: int) -> None:
            nonlocal left
            await asyncio.sleep(number * self.gap_s)
            try:
                await self._person(talks[number], self.asks[number], over, heard)
            except Exception as problem:
                talks[number].problem = talks[number].problem or repr(problem)
                heard()

        def heard() -> None:
            nonlocal left
            left -= 1
            if not left:
                over.set()

        try:
            async with self.http:
                await asyncio.gather(*map(one, range(len(talks))))
        finally:
            over.set()
        return talks

    async def _person(self, talk: Talk, asks: int, over: asyncio.Event, heard: Any) -> None:
        async with contextlib.AsyncExitStack() as open_:
            async with self.serving:
                made = await self._call(talk, "POST", "/conversations", {"title": "A question"})
                talk.conversation = made["id"]
                socket = await self._line(talk, open_)
                await self._ask(talk, asks)
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        while len(talk.ends) < len(talk.accepted):
                            await self._next(talk, socket)
                except TimeoutError:
                    talk.problem = f"no answer to {talk.accepted} in {PATIENCE_S:g} s"
            heard()
            reading = asyncio.create_task(self._listen(talk, socket))
            await over.wait()
            reading.cancel()

    async def _line(self, talk: Talk, open_: contextlib.AsyncExitStack) -> Any:
        """A WebSocket that is subscribed. One that says nothing is left for another."""
        address = f"{self.outputs['websocket_url']}?token={talk.account.key}"
        for _ in range(TRIES):
            talk.lines += 1
            connecting = connect(address, open_timeout=300, proxy=None, ping_interval=None, max_queue=None)
            socket = await open_.enter_async_context(connecting)
            await socket.send(json.dumps({"action": "subscribe", "conversation_id": talk.conversation}))
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(SILENCE_S):
                    while json.loads(await socket.recv()).get("type") != "subscribed":
                        pass
                    return socket
        raise RuntimeError(f"no line in {TRIES} tries")

    async def _next(self, talk: Talk, socket: Any) -> None:
        """The next frame; in silence, or where the line is closed, what is in the conversation."""
        try:
            async with asyncio.timeout(SILENCE_S):
                return talk.hear(json.loads(await socket.recv()))
        except (TimeoutError, ConnectionClosed):
            pass
        shown = await self._call(talk, "GET", f"/conversations/{talk.conversation}/messages")
        known = {one["id"] for one in talk.ends}
        ends = [one for one in shown["data"] if one["role"] == "assistant" and one["status"] in ("answered", "failed")]
        new = [one for one in ends if one["id"] not in known]
        talk.ends += new
        talk.missed |= {one["id"] for one in new}
        await asyncio.sleep(1)

    async def _listen(self, talk: Talk, socket: Any) -> None:
        """What comes after the end would be an answer too many."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                talk.hear(json.loads(await socket.recv()))

    async def _ask(self, talk: Talk, asks: int) -> None:
        for number in range(asks):
            body = {"content": f"Question {number}", "max_tokens": TOKENS, "temperature": 0, "backend": self.backend}
            answer = await self._call(talk, "POST", f"/conversations/{talk.conversation}/messages", body)
            if "error" in answer:
                talk.refused.append(answer["error"]["code"])
            else:
                talk.accepted.append(answer["message"]["id"])

    async def _call(self, talk: Talk, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """As the page: what our side fails is asked for again, and made once."""
        headers = {"Authorization": f"Bearer {talk.account.key}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(8)
        for _ in range(TRIES):
            answer = await self.http.request(method, path, json=body, headers=headers)
            if answer.status_code < 500:
                return dict(answer.json())
            await asyncio.sleep(1)
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
