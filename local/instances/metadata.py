"""One instance's metadata service (IMDSv2), on a loopback port of its own.

As the launch template demands of EC2: a session token is required, and tags are readable. Paths and shapes follow the
EC2 user guide, "Instance metadata categories"; what a worker cannot use on a laptop (network, block devices) is absent.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local.instances.cloud import Instance, Launch
from local.instances.places import read_json

MAX_TOKEN_S = 21_600  # six hours, EC2's limit
REFRESH_BEFORE_S = 300  # EC2 has new credentials at least five minutes before the old ones end
IDLE_CONNECTION_S = 60

Answer = tuple[int, str, str]  # status, content type, body
NOT_FOUND: Answer = (404, "text/html", "404 - Not Found")


class Metadata:
    def __init__(
        self,
        instance: Instance,
        launch: Launch,
        credentials: Callable[[], Awaitable[dict[str, Any] | None]],
        spot_notice: Path,
    ):
        self._tree = _tree(instance, launch)
        self._user_data = base64.b64decode(launch.user_data).decode()
        self._document = _identity_document(instance)
        self._fetch_credentials = credentials
        self._credentials: dict[str, Any] | None = None
        self._spot_notice = spot_notice
        self._read_notice = spot_notice.with_suffix(".read")
        self._tokens: dict[str, float] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        """Its address, with a slash at the end."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/"

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.close()

    async def answer(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        """`headers` have lower-case names."""
        if path == "/latest/api/token":
            return self._issue(headers) if method == "PUT" else (405, "text/html", "405 - Method Not Allowed")
        expires = self._tokens.get(headers.get("x-aws-ec2-metadata-token", ""), 0.0)
        if expires < time.monotonic():
            return 401, "text/html", "401 - Unauthorized"
        if method != "GET":
            return 405, "text/html", "405 - Method Not Allowed"
        if path == "/latest/user-data":
            return (200, "application/octet-stream", self._user_data) if self._user_data else NOT_FOUND
        if path == "/latest/dynamic/instance-identity/document":
            return 200, "text/plain", self._document
        if path.startswith("/latest/meta-data"):
            return await self._meta_data(path.removeprefix("/latest/meta-data").strip("/"))
        return NOT_FOUND

    def _issue(self, headers: dict[str, str]) -> Answer:
        try:
            seconds = int(headers["x-aws-ec2-metadata-token-ttl-seconds"])
        except (KeyError, ValueError):
            seconds = 0
        if not 1 <= seconds <= MAX_TOKEN_S:
            return 400, "text/html", "400 - Bad Request"
        now = time.monotonic()
        self._tokens = {token: expires for token, expires in self._tokens.items() if expires > now}
        token = secrets.token_urlsafe(42)
        self._tokens[token] = now + seconds
        return 200, "text/plain", token

    async def _meta_data(self, path: str) -> Answer:
        tree = dict(self._tree)
        if notice := read_json(self._spot_notice):
            tree["spot/instance-action"] = json.dumps({"action": notice["action"], "time": notice["time"]})
            tree["spot/termination-time"] = notice["time"]
            tree["events/recommendations/rebalance"] = json.dumps({"noticeTime": notice["noticed"]})
        # The role is asked for only by who needs it: it costs a call to the emulator.
        if path.startswith("iam") and (role := await self._role()):
            name = role["RoleName"]
            shown = {key: role[key] for key in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")}
            stamps = {"Code": "Success", "LastUpdated": role.get("LastUpdated", _now()), "Type": "AWS-HMAC"}
            tree[f"iam/security-credentials/{name}"] = json.dumps(stamps | shown)
        if path in tree:
            if path == "spot/instance-action":
                self._read_notice.touch()
            return 200, "text/plain", tree[path]
        prefix = f"{path}/" if path else ""
        children = {key[len(prefix) :] for key in tree if key.startswith(prefix)}
        # A directory lists its children, directories with a slash.
        listing = sorted({child.split("/")[0] + ("/" if "/" in child else "") for child in children})
        return (200, "text/plain", "\n".join(listing)) if listing else NOT_FOUND

    async def _role(self) -> dict[str, Any] | None:
        if self._credentials is not None:
            expires = datetime.fromisoformat(self._credentials["Expiration"])
            if expires.timestamp() - time.time() > REFRESH_BEFORE_S:
                return self._credentials
        self._credentials = await self._fetch_credentials()
        return self._credentials

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            async with asyncio.timeout(None) as idle:
                while True:
                    idle.reschedule(asyncio.get_running_loop().time() + IDLE_CONNECTION_S)
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                    method, target, _version = head[0].split(" ")
                    lines = (line.partition(":") for line in head[1:] if line)
                    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
                    await reader.readexactly(int(headers.get("content-length", 0)))
                    status, kind, body = await self._answer_or_500(method, unquote(target.partition("?")[0]), headers)
                    data = body.encode()
                    writer.write(
                        f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\nServer: EC2ws\r\n"
                        f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                    )
                    writer.write(data)
                    await writer.drain()
                    if headers.get("connection", "").lower() == "close":
                        return
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, TimeoutError, ValueError):
            pass  # the client went away, or does not speak HTTP: closing is the answer
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer_or_500(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        try:
            return await self.answer(method, path, headers)
        except OSError as error:  # the emulator did not give credentials; the client retries, as on EC2
            return 500, "text/plain", str(error)


def _tree(instance: Instance, launch: Launch) -> dict[str, str]:
    values = {
        "ami-id": instance.image_id,
        "instance-id": instance.id,
        "instance-type": instance.type,
        "instance-life-cycle": launch.lifecycle,
        "local-ipv4": instance.private_ip,
        "placement/availability-zone": instance.availability_zone,
        "placement/region": instance.availability_zone[:-1],
    }
    return values | {f"tags/instance/{key}": value for key, value in instance.tags.items()}


def _identity_document(instance: Instance) -> str:
    document = {
        "accountId": instance.account_id,
        "architecture": "x86_64",
        "availabilityZone": instance.availability_zone,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.type,
        "pendingTime": instance.launched_at,
        "privateIp": instance.private_ip,
        "region": instance.availability_zone[:-1],
        "version": "2017-09-30",
    }
    return json.dumps(document, indent=2)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
