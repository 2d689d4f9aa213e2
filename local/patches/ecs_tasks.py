"""Tasks of ECS on Fargate: a process on this machine for each.

AWS: RunTask starts the container's command with the environment of its definition and of the call's overrides, and with
an address from which it gets credentials of the task's role. A task that is told to stop (StopTask, or Spot takes its
machine back) gets SIGTERM, and SIGKILL after its `stopTimeout`, 30 s if it says none; one whose command ends has
stopped. The same `clientToken` starts one task, whose group is its definition's family if the call names none. When it
has stopped, EventBridge has an event that says why. (Amazon ECS API Reference, RunTask and StopTask; Developer Guide,
"Amazon ECS task IAM role", "Using Fargate Spot capacity providers" and "Amazon ECS task state change events".)
Emulator: without Docker, a task is a record that says RUNNING until it is told to stop, and then STOPPED at once. It
has no credentials and no group, sends no event and knows no client token, and a state machine gets `tasks` where AWS
gives it `Tasks`.

Patch: the first container's command runs here, under this interpreter where it says `python` (the packages of the image
are this environment's), with our code. `GET /_foreverus/tasks` says which process each is; `POST
/_foreverus/tasks/<id>/interrupt` takes it away as Spot does, `…/kill` kills it, and after `…/told-nobody`
no event is sent of it; `…/next/cannot-pull` has the image of the task that is started next not be there.
"""

import contextvars
import json
import os
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Any

from local.patches import Options
from local.patches.bound_processes import Bound, start
from local.patches.task_credentials import Credentials

ROOT = Path(__file__).resolve().parents[2]
PATH = "/_foreverus/tasks"
STOP_S = 30.0
INTERRUPTED = "Your Spot Task was interrupted."
NO_IMAGE = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: not found"
PULL_S = 0.3  # until an image is known not to be there


class Process:
    """One task's. `why`: the reason and the code with which it ends."""

    def __init__(self, task: dict[str, Any], stop_s: float, bound: Bound) -> None:
        self.task = task
        self.stop_s = stop_s
        self.bound = bound
        self.why = ("Essential container in task exited", "EssentialContainerExited")

    def stop(self, reason: str, code: str) -> None:
        if self.task["desiredStatus"] == "STOPPED":
            return
        self.why = (reason, code)
        self.task |= {"desiredStatus": "STOPPED", "lastStatus": "DEACTIVATING", "stoppedReason": reason}
        self.bound.terminate()
        killing = threading.Timer(self.stop_s, self.bound.kill)
        killing.daemon = True
        killing.start()


class Running:
    def __init__(self, ecs: Any) -> None:
        self._ecs = ecs
        self._lock = threading.Lock()
        self.processes: dict[str, Process] = {}  # by the task's ARN
        self.of_tokens: dict[tuple[str, str], list[str]] = {}  # ARNs, by cluster and client token
        self.credentials = Credentials()
        self.image_is_there = True  # for the next task
        self.silent: set[str] = set()  # ARNs of tasks of whose end nobody is told

    def run(self, request: dict[str, Any], original: Any) -> Any:
        token = (str(request.get("cluster")), str(request.get("clientToken") or secrets.token_hex(8)))
        with self._lock:
            if token in self.of_tokens:
                made = [self._ecs._sanitize(self._ecs._tasks[arn]) for arn in self.of_tokens[token]]
                return self._ecs.json_response({"tasks": made, "failures": []})
            family = str(request.get("taskDefinition")).rpartition("/")[2].partition(":")[0]
            status, headers, body = original({**request, "group": request.get("group") or f"family:{family}"})
            arns = [one["taskArn"] for one in json.loads(body).get("tasks", [])]
            if status < 400:
                self.of_tokens[token] = arns
        for arn in arns:
            self._start(self._ecs._tasks[arn], request)
        return status, headers, body

    def stop(self, request: dict[str, Any], original: Any) -> Any:
        task = self._ecs._resolve_task(request.get("task", ""), self._ecs._resolve_cluster_name(request["cluster"]))
        process = self.processes.get(task["taskArn"]) if task else None
        if process is None:
            return original(request)
        process.stop(request.get("reason", "Task stopped by user"), "UserInitiated")
        return self._ecs.json_response({"task": self._ecs._sanitize(process.task)})

    def order(self, task_id: str, what: str) -> bool:
        if task_id == "next":
            self.image_is_there = what != "cannot-pull"
            return not self.image_is_there
        found = next((one for arn, one in self.processes.items() if arn.endswith(f"/{task_id}")), None)
        if found is None:
            return False
        if what == "told-nobody":
            self.silent.add(found.task["taskArn"])
        elif what == "interrupt":
            found.stop(INTERRUPTED, "SpotInterruption")
        else:
            found.bound.kill()
        return True

    def _start(self, task: dict[str, Any], request: dict[str, Any]) -> None:
        context = contextvars.copy_context()  # the emulator finds tasks by the account and region of the context
        if not self.image_is_there:
            self.image_is_there = True
            threading.Thread(target=context.run, args=(self._no_image, task), daemon=True, name="task").start()
            return
        definition = self._ecs._task_defs[self._ecs._resolve_td_key(task["taskDefinitionArn"])]
        container = definition["containerDefinitions"][0]
        if not container.get("command"):
            return
        variables = {one["name"]: one["value"] for one in container.get("environment", [])}
        for override in request.get("overrides", {}).get("containerOverrides", []):
            variables |= {one["name"]: str(one["value"]) for one in override.get("environment", [])}
        command = [sys.executable if word == "python" else word for word in container["command"]]
        secret = self.credentials.of_task(task["taskArn"], definition["taskRoleArn"])
        bound = start(command, ROOT, _environment(variables, secret))
        process = Process(task, float(container.get("stopTimeout") or STOP_S), bound)
        self.processes[task["taskArn"]] = process
        threading.Thread(target=context.run, args=(self._wait, process), daemon=True, name="task").start()

    def _wait(self, process: Process) -> None:
        status = process.bound.process.wait()
        process.bound.kill()  # what it has started
        self.credentials.over(process.task["taskArn"])
        for container in process.task["containers"]:
            container |= {"lastStatus": "STOPPED", "exitCode": status if status >= 0 else 128 - status}
        self._stopped(process.task, *process.why)
        del self.processes[process.task["taskArn"]]

    def _no_image(self, task: dict[str, Any]) -> None:
        time.sleep(PULL_S)
        for container in task["containers"]:
            container |= {"lastStatus": "STOPPED", "reason": NO_IMAGE}
        self._stopped(task, NO_IMAGE, "TaskFailedToStart")

    def _stopped(self, task: dict[str, Any], reason: str, code: str) -> None:
        now = self._ecs._iso()
        stopped = {"desiredStatus": "STOPPED", "lastStatus": "STOPPED", "stoppedReason": reason, "stopCode": code}
        task |= {**stopped, "stoppingAt": now, "executionStoppedAt": now, "stoppedAt": now}
        if task["taskArn"] not in self.silent:
            self._tell(self._ecs._sanitize(task))

    def _tell(self, task: dict[str, Any]) -> None:
        from ministack.services import eventbridge

        detail = json.dumps(task, default=str)
        event = {"Source": "aws.ecs", "DetailType": "ECS Task State Change", "Detail": detail}
        eventbridge._put_events({"Entries": [{**event, "Resources": [task["taskArn"]]}]}, allow_aws_source=True)


def _environment(variables: dict[str, str], secret: str) -> dict[str, str]:
    """Nothing of the emulator's own but where programs are."""
    region, here = os.environ.get("MINISTACK_REGION", "us-east-1"), f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LC_ALL") if name in os.environ},
        **{name: os.environ[name] for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE") if name in os.environ},
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": here,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{here}{Credentials.PREFIX}{secret}",
        **variables,
    }


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.services import ecs
    from ministack.services import stepfunctions as states

    running, run, stop = Running(ecs), ecs._run_task, ecs._stop_task
    ecs._run_task = lambda request: running.run(request, run)
    ecs._stop_task = lambda request: running.stop(request, stop)
    ecs._ACTION_MAP |= {"RunTask": ecs._run_task, "StopTask": ecs._stop_task}
    prefix = "arn:aws:states:::ecs:runTask"
    original = states._SERVICE_DISPATCH[prefix]
    states._SERVICE_DISPATCH[prefix] = lambda resource, given: _capital(original(resource, given))
    emulator = gateway.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(Credentials.PREFIX):
            answer = running.credentials.answer(path.removeprefix(Credentials.PREFIX))
        elif path == PATH:
            answer = {arn: one.bound.process.pid for arn, one in list(running.processes.items())}
        elif path.startswith(f"{PATH}/") and scope["method"] == "POST":
            _, task_id, what = path.removeprefix(PATH).split("/")
            answer = {} if running.order(task_id, what) else None
        else:
            await emulator(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        status, body = (404, b'{"code": "NotFound"}') if answer is None else (200, json.dumps(answer).encode())
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    gateway.app = app


def _capital(value: Any) -> Any:
    """Names as Step Functions writes them."""
    if isinstance(value, dict):
        return {f"{name[:1].upper()}{name[1:]}": _capital(one) for name, one in value.items()}
    return [_capital(one) for one in value] if isinstance(value, list) else value
