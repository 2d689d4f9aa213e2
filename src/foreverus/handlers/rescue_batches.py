"""Every five minutes: no open batch stays without an execution, a GPU that it waits for, or its end."""

from typing import Any

from foreverus import bootstrap_batches


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return bootstrap_batches.rescuer().sweep()
