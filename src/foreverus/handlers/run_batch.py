"""The steps of `batch_run` that buy nothing from Bedrock: one function, and one cold start (docs/decisions/0009)."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.records import BatchRef, BatchStatus
from foreverus.bootstrap import run_batch

Request = Mapping[str, Any]  # that fits its step's schema


def handler(event: dict[str, Any], context: Any) -> Mapping[str, object] | None:
    """What the step answers, see `batches/`. Raises InvalidRequest for a step, or a field of one, that there is not."""
    logs.start(event, context)
    if event.get("detail-type") == "Step Functions Execution Status Change":
        return after_execution(event["detail"])
    step = STEPS[schemas.check("run_batch", event)["step"]]
    request = schemas.check(f"{step.__name__}_batch", {name: value for name, value in event.items() if name != "step"})
    return step(BatchRef(request["user_id"], request["batch_id"]), request)


def validate(ref: BatchRef, request: Request) -> Mapping[str, object]:
    """The whole file is checked, and its shards are written."""
    return run_batch.validator().run(ref)


def plan(ref: BatchRef, request: Request) -> Mapping[str, object]:
    """What comes next, given what is left and how the last round ended."""
    return run_batch.planner().plan(ref, ExecutionError.of(request)).as_json()


def serve(ref: BatchRef, request: Request) -> None:
    """A round on the GPU: shards are queued, a session comes, and the token waits for the last shard."""
    run_batch.serving().serve(ref, request["round"], request["task_token"])


def finish(ref: BatchRef, request: Request) -> Mapping[str, object]:
    """The output and the error file and the terminal status."""
    return asdict(run_batch.end().finisher.finish(ref, BatchStatus(request["status"]), ExecutionError.of(request)))


def notified(ref: BatchRef, request: Request) -> None:
    """The machine has notified people."""
    run_batch.end().notified(ref)


STEPS = {one.__name__: one for one in (validate, plan, serve, finish, notified)} | {"told": notified}


def after_execution(detail: Request) -> Mapping[str, object]:
    """EventBridge says that an execution FAILED, TIMED_OUT or was ABORTED: what it left undone is done here."""
    request = schemas.check("finish_batch", json.loads(detail["input"]) | {"status": "failed"})
    ref = BatchRef(request["user_id"], request["batch_id"])
    logs.bind(batch_id=ref.batch_id)
    return asdict(run_batch.end().fail(ref, ExecutionError.of_execution(detail)))
