"""A failed call's answer, in the shape that its caller's SDK or the state machine expects."""

import json
from typing import Any

from local.sdk_text import ec2_denial, ec2_text, sdk_text

Answer = tuple[int, dict[str, str], bytes]

_CODES = {"throttled": (400, "ThrottlingException"), "denied": (400, "AccessDeniedException")}
# EC2's own sentences: of a call that is refused, a state machine hears nothing else.
_EC2_SAYS = {
    "throttled": ("RequestLimitExceeded", "Request limit exceeded."),
    "no_capacity_error": (
        "UnfulfillableCapacity",
        "Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.",
    ),
    "error": ("InternalError", "An internal error has occurred"),
}
_FLEET_ERRORS = {
    "unknown_code": (
        "PendingVerification",
        "Your request for accessing resources in this region is being validated, and you will not be able to launch "
        "additional resources in this region until the validation is complete.",
    ),
    "no_capacity": ("InsufficientInstanceCapacity", "There is no Spot capacity available that matches your request."),
    "quota": ("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"),
}


def over_http(kind: str, service: str) -> Answer:
    """`lost` looks like a failure of the server: SDKs retry it exactly as they retry a connection that broke."""
    if kind == "refused":
        return _json(400, "TaskTimedOut")
    if service == "ec2":
        code = {"throttled": "RequestLimitExceeded", "denied": "UnauthorizedOperation"}.get(kind, "InternalError")
        status = {"throttled": 503, "denied": 403}.get(kind, 500)
        body = f"<Response><Errors><Error><Code>{code}</Code><Message>{kind}</Message></Error></Errors></Response>"
        return status, {"Content-Type": "text/xml"}, body.encode()
    if service == "sns":
        code = {"throttled": "Throttling", "denied": "AuthorizationError"}.get(kind, "InternalError")
        status = {"throttled": 400, "denied": 403}.get(kind, 500)
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{kind}</Message></Error>"
        body = f"<ErrorResponse>{error}</ErrorResponse>"
        return status, {"Content-Type": "text/xml"}, body.encode()
    if service == "s3":
        code, status = {"throttled": ("SlowDown", 503), "denied": ("AccessDenied", 403)}.get(
            kind, ("InternalError", 500)
        )
        body = f"<Error><Code>{code}</Code><Message>{kind}</Message></Error>"
        return status, {"Content-Type": "application/xml"}, body.encode()
    status, code = _CODES.get(kind, (500, "InternalServerError"))
    if service in ("lambda", "execute-api", "rds-data", "bedrock"):
        status = {"throttled": 429, "denied": 403}.get(kind, status)
    if service == "sqs" and kind == "throttled":
        code = "RequestThrottled"
    return _json(status, code)


def _json(status: int, code: str) -> Answer:
    body = json.dumps({"__type": code, "message": f"{code}: on order"}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, body


def in_a_state(kind: str, service: str) -> tuple[str, str]:
    """Error and Cause of a task, as Step Functions names them. EC2's code is nowhere. `bought`: EC2 fails after it has
    launched what was asked for."""
    if kind in ("lost", "timeout"):
        return "States.Timeout", "The call's answer was lost."
    if service == "ec2" and kind == "denied":
        return "Ec2.Ec2Exception", ec2_denial("arn:aws:sts::000000000000:assumed-role/on/order", "ec2:any", "*")
    if service == "ec2":
        return "Ec2.Ec2Exception", ec2_text(*_EC2_SAYS.get(kind, _EC2_SAYS["error"]))
    names = {
        "dynamodb": (
            "DynamoDb.ThrottlingException",
            "DynamoDb.AccessDeniedException",
            "DynamoDb.InternalServerErrorException",
        ),
        "lambda": ("Lambda.TooManyRequestsException", "Lambda.AWSLambdaException", "Lambda.ServiceException"),
        "sns": ("SNS.ThrottledException", "SNS.AuthorizationErrorException", "SNS.InternalErrorException"),
    }
    throttled, denied, error = names.get(service, ("States.TaskFailed",) * 3)
    name = {"throttled": throttled, "denied": denied}.get(kind, error)
    return name, sdk_text(f"{kind}, on order", name.partition(".")[0], 500 if name == error else 400)


def empty_fleet(kind: str) -> dict[str, Any]:
    """An instant fleet without capacity is a normal answer."""
    code, message = _FLEET_ERRORS[kind]
    return {"FleetId": "fleet-none", "Instances": [], "Errors": [{"ErrorCode": code, "ErrorMessage": message}]}


def of_lambda(kind: str) -> dict[str, Any]:
    """What an invocation that timed out or crashed returns to its invoker."""
    error = (
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: 0 Error: Runtime exited with error: signal: killed",
        }
        if kind == "crash"
        else {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 0 Error: Task timed out after 30.00 seconds"}
    )
    return {"body": error, "error": True, "log": ""}
