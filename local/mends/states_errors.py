"""Which errors a Retry or Catch sees.

AWS: `States.ALL` does not match States.Runtime and States.DataLimitExceeded, which always fail the execution;
`States.Timeout` matches a missed heartbeat too. (Amazon States Language, "Errors"; Step Functions Developer Guide,
"Handling errors in Step Functions workflows".)
Emulator: `States.ALL` matches everything; a missed heartbeat is no States.Timeout.
"""

from local.mends import Options

TERMINAL = ("States.Runtime", "States.DataLimitExceeded")


def apply(options: Options) -> None:
    from ministack.services import stepfunctions as states

    original = states._error_matches

    def error_matches(error_equals: list[str], error: str) -> bool:
        if error in TERMINAL:
            return False
        if error == "States.HeartbeatTimeout" and "States.Timeout" in error_equals:
            return True
        return bool(original(error_equals, error))

    states._error_matches = error_matches
