"""boto3 without what it does anew for each call and nobody here reads: a third of a small call's processor time.

The user agent is put together twice for each call. Parameters are compared with AWS's models before they are sent: the
tests do that with every request that our code makes (tests/aws_models.py), and AWS does it again. It stays for those
clients whose callers take a refusal of boto3 for an answer (`ParamValidationError`: Bedrock's, the Data API's) and for
those that are asked once in a while.
"""

from botocore.config import Config

UNCHECKED = frozenset({"apigatewaymanagementapi", "dynamodb"})  # asked several times for each answer
USER_AGENT = "ForeverUs"  # boto3 adds its version


def config(service: str) -> Config:
    """To be merged into a client's own."""
    return Config(user_agent=USER_AGENT, parameter_validation=service not in UNCHECKED)
