"""Every five minutes: no open batch stays without an execution, a GPU that it waits for, or its end."""

from typing import Any

from foreverus.bootstrap import batches


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return batches.rescuer().sweep()
