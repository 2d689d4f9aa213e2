"""A web application behind the Lambda Web Adapter, whose answers API Gateway streams.

AWS: the adapter's layer starts the file that the function's handler names (`AWS_LAMBDA_EXEC_WRAPPER=/opt/bootstrap`) as
a web server on `AWS_LWA_PORT`, makes an HTTP request of each event, with the event's request context in the header
`x-amzn-request-context`, and with `AWS_LWA_INVOKE_MODE=response_stream` passes the answer on as it comes. API Gateway
calls a function so where the integration's URI ends in `/response-streaming-invocations`. (Lambda Web Adapter 1.0.0;
API Gateway Developer Guide, "Response streaming".)
Emulator: has no such layer, takes the handler for a Python module, finds no function by such a URI, and holds every
answer until it is whole.

Patch: the web server runs as a process of its own, one for each function, which ends with the emulator
(bound_processes.py), and bytes are passed on as they come. One thing is unlike AWS: a client that goes away is noticed,
and the connection to the web server is closed. On AWS nobody tells a function of that: it writes to the end. (Lambda
Developer Guide, "Response streaming for Lambda functions".)
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from local.patches import Options
from local.patches.bound_processes import Bound, start
from local.patches.lambda_packages import unpacked
from local.patches.traces import header_here, segment

STREAMED = "/response-streaming-invocations"
START_S = 60.0
LOOPBACK = "127.0.0.1"
READ_BYTES = 64 << 10


class NotStarted(Exception):
    """The web server ended, or does not listen."""


@dataclass
class Server:
    made_of: str  # a new deployment makes a new one
    program: Bound
    port: int


class Servers:
    """The running web servers, by the ARN of their function."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._running: dict[str, Server] = {}

    def port_of(self, config: dict[str, Any], code: bytes) -> int:
        """Of the function's web server, which is started where there is none. Raises NotStarted."""
        arn, variables = config["FunctionArn"], config.get("Environment", {}).get("Variables", {})
        # The package's digest is the function's own: of some megabytes it takes as long as a whole request.
        parts = (config.get("Handler"), config.get("Role"), variables, config["CodeSha256"])
        made_of = json.dumps(parts, sort_keys=True)
        with self._starting:
            known = self._running.get(arn)
            if known and known.made_of == made_of and not known.program.ended():
                return known.port
            if known:
                del self._running[arn]
                known.program.kill()
            self._running[arn] = started = self._start(config, variables, code, made_of)
            return started.port

    def _start(self, config: dict[str, Any], variables: dict[str, str], code: bytes, made_of: str) -> Server:
        with tempfile.NamedTemporaryFile(suffix=".zip") as archive:
            archive.write(code)
            archive.flush()
            root = unpacked(Path(archive.name))
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = probe.getsockname()[1]
        environment = _environment(config, variables) | {"LAMBDA_TASK_ROOT": str(root), "AWS_LWA_PORT": str(port)}
        program = start(["/bin/sh", str(root / config["Handler"])], root, environment)
        deadline = time.monotonic() + START_S
        while not _listens(port):
            if program.ended() or time.monotonic() > deadline:
                program.kill()
                status = program.process.returncode
                raise NotStarted(f"{config['FunctionName']}: its web server does not listen, status {status}")
            time.sleep(0.01)
        return Server(made_of, program, port)


def _environment(config: dict[str, Any], variables: dict[str, str]) -> dict[str, str]:
    """As the emulator's own execution environments have it."""
    from ministack.core import lambda_runtime

    _, region = lambda_runtime._account_region_from_function_config(config)
    return {
        **os.environ,
        **variables,
        **lambda_runtime.execution_credentials(config),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{os.environ['GATEWAY_PORT']}",
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def apply(options: Options) -> None:
    from ministack.core.responses import StreamingResponse
    from ministack.services import apigateway_v1 as gateway
    from ministack.services import lambda_svc

    servers, original = Servers(), gateway._invoke_lambda_proxy_v1

    async def invoke(integration: Any, *arguments: Any, **named: Any) -> Any:
        uri = integration.get("uri") or ""
        if not uri.endswith(STREAMED):
            return await original(integration, *arguments, **named)
        function = uri.split("/functions/", 1)[1].removesuffix(STREAMED)
        account, region = named.pop("owner_account_id", None), named.pop("owner_region", None)
        event = gateway._build_lambda_event_v1(*arguments, **named)
        found = lambda_svc._get_func_record_for_ref_in_scope(function, account_id=account, region=region)
        record, config, _ = found
        if record is None or config is None:
            return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        try:
            port = await asyncio.to_thread(servers.port_of, config, record.get("code_zip"))
            exchange = Exchange(*await asyncio.open_connection(LOOPBACK, port))
            with segment(config["FunctionName"], origin="AWS::Lambda::Function"):  # until it begins to answer
                status, headers = await exchange.ask(event, arguments[7])
        except (NotStarted, OSError) as problem:
            print(f"web adapter: {problem}", flush=True)
            return 502, {"Content-Type": "application/json"}, b'{"message": "Internal server error"}'
        return status, headers, StreamingResponse(exchange.pass_on)

    gateway._invoke_lambda_proxy_v1 = invoke


class Exchange:
    """One request to the web server, and its answer as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import h11

        self._h11: Any = h11
        self._reader, self._writer = reader, writer
        self._connection: Any = h11.Connection(h11.CLIENT)

    async def ask(self, event: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and headers."""
        mine = {"x-amzn-request-context": json.dumps(event["requestContext"]), "host": "127.0.0.1:8080"}
        invocation = {"request_id": event["requestContext"]["requestId"], "xray_trace_id": header_here()}
        mine |= {"x-amzn-lambda-context": json.dumps(invocation)}
        dropped = {*mine, "content-length", "transfer-encoding", "connection", "expect"}
        sent = [(name, value) for name, value in event["headers"].items() if name.lower() not in dropped]
        sent += [*mine.items(), ("content-length", str(len(body or b"")))]
        query = urlencode(event["multiValueQueryStringParameters"] or {}, doseq=True)
        request = self._h11.Request(
            method=event["httpMethod"],
            target=event["path"] + (f"?{query}" if query else ""),
            headers=[(name.encode(), value.encode("utf-8", "replace")) for name, value in sent],
        )
        for part in (request, self._h11.Data(data=body or b""), self._h11.EndOfMessage()):
            self._writer.write(self._connection.send(part) or b"")
        response = await self._next()
        if not isinstance(response, self._h11.Response):
            raise ConnectionError(f"no answer: {response!r}")
        headers: dict[str, Any] = {}
        for name, value in response.headers:
            if name not in (b"transfer-encoding", b"connection", b"server"):
                headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        return response.status_code, headers

    async def pass_on(self, send: Any, receive: Any) -> None:
        """Until the answer's end, or until the client has gone."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            while True:
                event = asyncio.ensure_future(self._next())
                await asyncio.wait((event, gone), return_when=asyncio.FIRST_COMPLETED)
                if not event.done():
                    event.cancel()
                    return
                more = isinstance(event.result(), self._h11.Data)
                if not more and not isinstance(event.result(), self._h11.EndOfMessage):
                    raise ConnectionError("the web server's answer broke off")
                data = bytes(event.result().data) if more else b""
                await send({"type": "http.response.body", "body": data, "more_body": more})
                if not more:
                    return
        finally:
            gone.cancel()
            self._writer.close()

    async def _next(self) -> Any:
        while (event := self._connection.next_event()) is self._h11.NEED_DATA:
            self._connection.receive_data(await self._reader.read(READ_BYTES))
        return event


async def _disconnected(receive: Any) -> None:
    with contextlib.suppress(Exception):
        while (await receive())["type"] != "http.disconnect":
            pass
