"""Heartbeats, timeouts, and task tokens of Step Functions.

AWS: a task whose token is not heartbeated within `HeartbeatSeconds` fails with States.HeartbeatTimeout; both it and
`TimeoutSeconds` may be JSONata. A state machine's own `TimeoutSeconds` ends an execution as TIMED_OUT. A token of a
task that is over, or of an execution that is over, is refused with TaskTimedOut. A stopped execution starts nothing
more, and stays ABORTED. Each attempt of a task has its own token.
Emulator: accepts `HeartbeatSeconds` and never looks at it; fails on JSONata in `TimeoutSeconds`; ignores the state
machine's own; accepts tokens of stopped executions, whose tasks go on (through their retries and catches) until they
fail, and then writes FAILED over ABORTED.
(Amazon States Language, sections "Task State" and "Errors"; Step Functions API, SendTaskSuccess.)
"""

import contextvars
import json
import threading
import time
from collections import OrderedDict
from typing import Any

from local.patches import Options

# AWS's own default, and the most that it takes: three years.
NEVER_S = 99_999_999
REMEMBERED_TOKENS = 100_000

_lock = threading.Lock()
_waiting: dict[str, "Waiting"] = {}
_over: OrderedDict[str, None] = OrderedDict()
_task: contextvars.ContextVar[tuple[dict[str, Any], dict[str, Any]] | None] = contextvars.ContextVar(
    "foreverus_task", default=None
)


class ExecutionOver(BaseException):
    """Leaves the thread of an execution that was stopped. No Retry or Catch may see it, so it is not an Exception."""


class Waiting:
    """A task that waits for its token: who owns it, and until when without a heartbeat."""

    def __init__(self, token: str, execution: dict[str, Any], heartbeat_s: float | None) -> None:
        self.token = token
        self.execution = execution
        self.heartbeat_s = heartbeat_s
        self.done = threading.Event()
        self.beat()

    def beat(self) -> None:
        self.deadline = time.monotonic() + (self.heartbeat_s or NEVER_S)

    def watch(self, states: Any) -> None:
        """Fails the task when its deadline passes. Runs in a thread of its own, only for tasks with a heartbeat."""
        while not self.done.wait(max(0.0, self.deadline - time.monotonic())):
            with _lock:
                if time.monotonic() >= self.deadline:
                    wake(states, self, "States.HeartbeatTimeout", f"No heartbeat within {self.heartbeat_s:g} seconds")
                    return


def wake(states: Any, waiting: Waiting, error: str, cause: str) -> None:
    """Fails a waiting task, unless it has its result already. The caller holds the lock."""
    info = states._task_tokens.get(waiting.token)
    if info is not None and not info["event"].is_set():
        info["error"] = {"Error": error, "Cause": cause}
        info["event"].set()


def current_execution() -> dict[str, Any] | None:
    """The execution whose task this thread runs."""
    task = _task.get()
    return task[0] if task else None


def check_running() -> None:
    """Ends the current task's thread when its execution is over."""
    task = _task.get()
    if task is not None and task[0].get("status", "RUNNING") != "RUNNING":
        raise ExecutionOver


def apply(options: Options) -> None:
    from ministack.services import stepfunctions as states

    _mend_tasks(states)
    _mend_executions(states)
    _mend_tokens(states)


def _seconds(states: Any, state: dict[str, Any], field: str, raw_input: Any, ctx: Any) -> float | None:
    """A state's TimeoutSeconds or HeartbeatSeconds as a number: literal, JSONata, or a JSONPath in `…Path`."""
    if f"{field}Path" in state:
        return float(states._resolve_path_or_ctx(state[f"{field}Path"], raw_input, ctx))
    if field not in state:
        return None
    if isinstance(state[field], str):
        return float(states._jsonata_state_field(state, field, "number", raw_input, ctx))
    return float(state[field])


def _mend_tasks(states: Any) -> None:
    original_task = states._execute_task
    original_callback = states._invoke_with_callback
    original_invoke = states._invoke_resource
    original_timed = states._invoke_resource_with_timeout

    def execute_task(state: dict[str, Any], raw_input: Any, execution: Any, ctx: Any) -> Any:
        try:
            limits = {
                field: seconds
                for field in ("TimeoutSeconds", "HeartbeatSeconds")
                if (seconds := _seconds(states, state, field, raw_input, ctx)) is not None
            }
        except states._ExecutionError as error:
            catcher = states._find_matching_catcher(state.get("Catch", []), error.error)
            if catcher is None:
                raise
            caught = {"Error": error.error, "Cause": error.cause}
            language = states._state_query_language(state, ctx)
            return states._apply_catcher(catcher, raw_input, ctx, language, caught), catcher["Next"]
        mark = _task.set((execution or {}, ctx))
        try:
            return original_task({**state, **limits}, raw_input, execution, ctx)
        finally:
            _task.reset(mark)

    def invoke_with_callback(resource: str, input_data: Any, token: str, state: dict[str, Any]) -> Any:
        check_running()
        execution, ctx = _task.get() or ({}, {})
        waiting = Waiting(token, execution, state.get("HeartbeatSeconds"))
        with _lock:
            _waiting[token] = waiting
        if waiting.heartbeat_s is not None:
            context = contextvars.copy_context()  # the emulator finds tokens by the account and region of the context
            threading.Thread(target=context.run, args=(waiting.watch, states), daemon=True, name="heartbeat").start()
        try:
            return original_callback(resource, input_data, token, state)
        finally:
            waiting.done.set()
            with _lock:
                _waiting.pop(token, None)
                _over[token] = None
                while len(_over) > REMEMBERED_TOKENS:
                    _over.popitem(last=False)
            # The emulator makes one token per state; on AWS a retry has its own.
            ctx["Task"] = {"Token": states.new_uuid()}
            check_running()

    def invoke_resource(*arguments: Any) -> Any:
        check_running()
        return original_invoke(*arguments)

    def invoke_timed(*arguments: Any) -> Any:
        check_running()
        return original_timed(*arguments)

    states._execute_task = execute_task
    states._invoke_with_callback = invoke_with_callback
    states._invoke_resource = invoke_resource
    states._invoke_resource_with_timeout = invoke_timed


def release(states: Any, execution: dict[str, Any]) -> None:
    """Wakes what waits for a token of an execution that is over."""
    with _lock:
        for waiting in _waiting.values():
            if waiting.execution is execution:
                wake(states, waiting, "States.Runtime", "The execution is over")


def time_out(states: Any, execution: dict[str, Any]) -> None:
    """Ends an execution as its machine's TimeoutSeconds does."""
    with _lock:
        if execution["status"] != "RUNNING":
            return
        execution["status"] = "TIMED_OUT"
        execution["stopDate"] = states.now_iso()
    states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    states._emit_execution_status_event(execution)
    release(states, execution)


def time_out_execution(name: str) -> None:
    """The running execution of that name has reached its machine's limit. LookupError when there is none."""
    from ministack.services import stepfunctions as states

    time_out(states, next(one for one in states._executions.all_values() if one["name"] == name))


def _mend_executions(states: Any) -> None:
    original_run = states._run_execution
    original_fail = states._fail_execution
    original_stop = states._stop_execution

    def run_execution(execution_arn: str) -> None:
        execution = states._executions.get(execution_arn) or {}
        machine = states._state_machines.get(execution.get("stateMachineArn", "")) or {}
        try:
            limit = json.loads(machine.get("definition", "{}")).get("TimeoutSeconds")
        except ValueError:
            limit = None
        timer = None
        if isinstance(limit, int | float):
            timer = threading.Timer(limit, contextvars.copy_context().run, (time_out, states, execution))
            timer.daemon = True
            timer.start()
        try:
            original_run(execution_arn)
        except ExecutionOver:
            pass
        finally:
            if timer is not None:
                timer.cancel()

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            original_fail(execution, error, cause)

    def stop_execution(request: dict[str, Any]) -> Any:
        answer = original_stop(request)
        if answer[0] == 200:
            release(states, states._executions[request["executionArn"]])
        return answer

    states._run_execution = run_execution
    states._fail_execution = fail_execution
    states._stop_execution = stop_execution


def _mend_tokens(states: Any) -> None:
    from ministack.core.responses import error_response_json

    def refusal(token: Any) -> Any:
        """Why this token is no good any more, or None. The caller holds the lock."""
        waiting = _waiting.get(token)
        info = states._task_tokens.get(token)
        if waiting is None and info is not None:
            return None  # an activity's token, which this patch leaves alone
        if waiting is None and token not in _over:
            return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
        if waiting is None or info is None or info["event"].is_set() or waiting.execution.get("status") != "RUNNING":
            return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)
        return None

    def guarded(original: Any, *, output: bool = False, heartbeat: bool = False) -> Any:
        def send(request: dict[str, Any]) -> Any:
            if output:
                try:
                    json.loads(request.get("output") or "")
                except ValueError:
                    return error_response_json("InvalidOutput", "Invalid Output: the output is not JSON", 400)
            with _lock:
                token = request.get("taskToken")
                if refused := refusal(token):
                    return refused
                if heartbeat and token in _waiting:
                    _waiting[token].beat()
                return original(request)

        return send

    states._send_task_success = guarded(states._send_task_success, output=True)
    states._send_task_failure = guarded(states._send_task_failure)
    states._send_task_heartbeat = guarded(states._send_task_heartbeat, heartbeat=True)
