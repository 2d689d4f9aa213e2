"""Starting an execution twice.

AWS: StartExecution with the name and input of an execution that is still running succeeds and returns that execution.
Emulator: refuses it with ExecutionAlreadyExists, so a retry after a lost answer looks like a failure.
"""

from typing import Any

from local.patches import Options


def apply(options: Options) -> None:
    from ministack.core.responses import get_account_id, get_region, json_response
    from ministack.services import stepfunctions as states

    original = states._start_execution

    def start_execution(request: dict[str, Any]) -> Any:
        machine = states._state_machines.get(request.get("stateMachineArn", ""))
        if machine and request.get("name"):
            place = f"arn:aws:states:{get_region()}:{get_account_id()}:execution"
            running = states._executions.get(f"{place}:{machine['name']}:{request['name']}")
            if running and running["status"] == "RUNNING" and running["input"] == request.get("input", "{}"):
                return json_response({"executionArn": running["executionArn"], "startDate": running["startDate"]})
        return original(request)

    states._start_execution = start_execution
