"""boto3 without what it does anew for each call and nobody here reads: a third of a small call's processor time.

The user agent is put together twice for each call. Parameters are compared with AWS's models before they are sent: the
tests do that with every request that our code makes (tests/aws_models.py), and AWS does it again. It stays for those
clients whose callers take a refusal of boto3 for an answer (`ParamValidationError`: Bedrock's, the Data API's) and for
those that are asked once in a while.

Where a service is, boto3 works out by AWS's rules anew for each call: for that it goes through every write of a
transaction of the table, to find an account that could have a host of its own. The client knows its host from when it
was made.
"""

from typing import Any

from botocore.config import Config

UNCHECKED = frozenset({"apigatewaymanagementapi", "dynamodb"})  # asked several times for each answer
ONE_HOST = UNCHECKED | {"bedrock-runtime"}
USER_AGENT = "ForeverUs"  # boto3 adds its version


def config(service: str) -> Config:
    """To be merged into a client's own."""
    return Config(user_agent=USER_AGENT, parameter_validation=service not in UNCHECKED)


def keep_host(client: Any) -> None:
    """Each call goes to the host that the client was made with, in its own Region, as boto3 does it where a service
    has no such rules. Of those services alone whose calls name nothing that has a host of its own, as a bucket has."""
    if client.meta.service_model.service_name in ONE_HOST:
        client._ruleset_resolver = None
