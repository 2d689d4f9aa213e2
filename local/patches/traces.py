"""One trace through API Gateway, Lambda and Step Functions.

AWS: where tracing is on, API Gateway makes a trace of each request, or goes on with that of the client's
X-Amzn-Trace-Id; a function has its invocation's segment in _X_AMZN_TRACE_ID; an execution goes on with `traceHeader`,
or with the header of the request that starts it. Each sends segments of its own, and an asynchronous invocation stays
in its caller's trace. (X-Ray Developer Guide, "Tracing header"; Step Functions API, StartExecution.)
Emulator: gives each invocation a trace of its own, and sends nothing.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from local.patches import Options
from local.patches.xray import TRACES

HEADER = b"x-amzn-trace-id"
_READ = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;\s*Parent=([0-9a-f]{16}))?(?:;|\Z)")


@dataclass(frozen=True)
class Here:
    """Where something is done: in which trace, under which segment."""

    root: str
    parent: str = ""
    sampled: bool = True

    @property
    def header(self) -> str:
        parent = f";Parent={self.parent}" if self.parent else ""
        return f"Root={self.root}{parent};Sampled={int(self.sampled)}"


_here: ContextVar[Here | None] = ContextVar("foreverus_trace", default=None)


def read(text: str) -> Here | None:
    """Of a trace header. Who does not say whether it is sampled leaves that to X-Ray's rules: here, all are."""
    found = _READ.match(text)
    return Here(found[1], found[2] or "", "Sampled=0" not in text) if found else None


@contextmanager
def segment(name: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """What is done within is a segment. Gives the document, to be added to; open ones are told at once."""
    above = _here.get() or Here(f"1-{int(time.time()):08x}-{secrets.token_hex(12)}")
    below = Here(above.root, secrets.token_hex(8), above.sampled)
    document = {"trace_id": above.root, "id": below.parent, "name": name, "start_time": time.time(), **fields}
    if above.parent:
        document["parent_id"] = above.parent
    mark = _here.set(below)
    _tell({**document, "in_progress": True}, above)
    try:
        yield document
    except Exception:
        document["fault"] = True
        raise
    finally:
        _here.reset(mark)
        _tell({**document, "end_time": time.time()}, above)


def _tell(document: dict[str, Any], above: Here) -> None:
    if above.sampled:
        TRACES.add(json.dumps(document))


def header_here() -> str:
    here = _here.get()
    return here.header if here else ""


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.services import apigateway_v1, lambda_svc
    from ministack.services import stepfunctions as states

    emulator = gateway.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        text = dict(scope.get("headers") or ()).get(HEADER, b"").decode("latin-1")
        mark = _here.set(read(text))
        try:
            await emulator(scope, receive, send)
        finally:
            _here.reset(mark)

    gateway.app = app
    _mend_gateway(apigateway_v1)
    _mend_functions(lambda_svc)
    _mend_executions(states)


def _mend_gateway(gateway: Any) -> None:
    original = gateway.handle_execute

    async def execute(api: str, stage: str, method: str, path: str, *rest: Any) -> Any:
        asked = {"method": method, "url": path}
        with segment("API Gateway", origin="AWS::ApiGateway::Stage", http={"request": asked}) as document:
            answer = await original(api, stage, method, path, *rest)
            document["http"] = {"request": asked, "response": {"status": answer[0]}}
            document["fault"] = answer[0] >= 500
            document["error"] = 400 <= answer[0] < 500
            return answer

    gateway.handle_execute = execute


def _mend_functions(functions: Any) -> None:
    original = functions._execute_function_warm

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        with segment(config.get("FunctionName", "function"), origin="AWS::Lambda::Function") as document:
            document["aws"] = {"request_id": request_id}
            result = original(function, event, request_id)
            document["fault"] = bool(result.get("error"))
            return result

    functions._execute_function_warm = execute
    functions._xray_trace_id_for_invocation = lambda config, inbound=None: header_here() or None


def _mend_executions(states: Any) -> None:
    original_start, original_run, original_task = states._start_execution, states._run_execution, states._execute_task

    def start(request: dict[str, Any]) -> Any:
        mark = _here.set(read(request.get("traceHeader") or "") or _here.get())
        try:
            return original_start(request)
        finally:
            _here.reset(mark)

    def run(arn: str) -> None:
        execution = states._executions.get(arn) or {}
        machine = arn.split(":")[-2]
        with segment(machine, origin="AWS::StepFunctions::StateMachine") as document:
            document["annotations"] = {"session_id" if "session" in machine else "batch_id": arn.rpartition(":")[2]}
            original_run(arn)
            document["fault"] = execution.get("status") not in ("SUCCEEDED", None)

    def task(state: dict[str, Any], raw_input: Any, execution: Any, ctx: dict[str, Any]) -> Any:
        name = re.sub(r"[^\w\s.:/%&#=+\\\-@]", "", ctx.get("State", {}).get("Name", "task"))
        with segment(name, type="subsegment"):
            return original_task(state, raw_input, execution, ctx)

    states._start_execution, states._run_execution, states._execute_task = start, run, task
