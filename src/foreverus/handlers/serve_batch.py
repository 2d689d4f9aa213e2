"""`batch_run`'s round on the GPU: shards are queued, a session comes, and the token waits for the last shard."""

from typing import Any

from foreverus import schemas
from foreverus.batches.store import BatchRef
from foreverus.bootstrap import batches


def handler(event: dict[str, Any], context: Any) -> None:
    request = schemas.check("serve_batch", event)
    ref = BatchRef(request["user_id"], request["batch_id"])
    batches.serving().serve(ref, request["round"], request["task_token"])
