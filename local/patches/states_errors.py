"""The names of errors, and which of them a Retry or Catch sees.

AWS: `States.ALL` does not match States.Runtime and States.DataLimitExceeded, which always fail the execution;
`States.Timeout` matches a missed heartbeat too. (Amazon States Language, "Errors"; Step Functions Developer Guide,
"Handling errors in Step Functions workflows".)
An error of the EC2 API is always Ec2.Ec2Exception, and its text, the Java SDK's, has no code. (Seen in executions that
people show; AWS documents no names for EC2. `local/sdk_text.py`.)
Emulator: `States.ALL` matches everything; a missed heartbeat is no States.Timeout; EC2's codes become error names.
"""

from typing import Any

from local.patches import Options
from local.sdk_text import ec2_text

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

    original_sdk = states._invoke_aws_sdk_integration

    def invoke_sdk(resource: str, arguments: Any) -> Any:
        try:
            return original_sdk(resource, arguments)
        except states._ExecutionError as error:
            if ":aws-sdk:ec2:" not in resource or not error.error.startswith("Ec2."):
                raise
            code = error.error.removeprefix("Ec2.")
            raise states._ExecutionError("Ec2.Ec2Exception", ec2_text(code, error.cause)) from error

    states._error_matches = error_matches
    states._invoke_aws_sdk_integration = invoke_sdk
