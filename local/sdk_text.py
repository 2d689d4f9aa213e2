"""What a state machine hears of an AWS call that failed: the text of the AWS SDK for Java v2's exception.

The service's own sentence, then `(Service: Ec2, Status Code: 403, Request ID: …)`. The error's code is not in it
(`AwsServiceException.getMessage` of that SDK); for most services Step Functions makes the error's name of it, for EC2
every name is Ec2.Ec2Exception.
"""

import uuid

# EC2's answers that are not 400 (EC2 API reference, "Error codes").
_EC2_STATUS = {
    "UnauthorizedOperation": 403,
    "AuthFailure": 403,
    "OptInRequired": 403,
    "InternalError": 500,
    "InsufficientInstanceCapacity": 500,
    "RequestLimitExceeded": 503,
    "Unavailable": 503,
}


def sdk_text(sentence: str, service: str, status: int) -> str:
    """`service`: as the SDK names it, such as Ec2 or DynamoDb."""
    return f"{sentence} (Service: {service}, Status Code: {status}, Request ID: {uuid.uuid4()})"


def ec2_text(code: str, sentence: str) -> str:
    return sdk_text(sentence, "Ec2", _EC2_STATUS.get(code, 400))


def ec2_denial(user: str, action: str, resource: str) -> str:
    """EC2's own words for what IAM does not allow. AWS's encoded message is longer."""
    return ec2_text(
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. User: {user} is not authorized to perform: {action} on "
        f"resource: {resource} because no identity-based policy allows the {action} action. Encoded authorization "
        f"failure message: {uuid.uuid4().hex}",
    )
