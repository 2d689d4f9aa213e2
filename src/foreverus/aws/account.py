"""Calls to any service of the caller's own account, with errors that can be told to people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class CannotLook(Exception):
    """AWS did not do what was asked. `code`: AWS's own, such as AccessDenied."""

    def __init__(self, call: str, code: str, message: str):
        super().__init__(f"{call}: {code}: {message}" if message else f"{call}: {code}")
        self.call = call
        self.code = code


class Account:
    """`session`: a boto3.Session, with the person's own credentials."""

    def __init__(self, session: Any):
        self.session = session
        self.region = str(session.region_name or "")

    def call(self, service: str, operation: str, region: str | None = None, **parameters: Any) -> Any:
        """The answer of one call, a mapping, or of all of its pages joined where it has pages. Raises CannotLook."""
        with told(f"{service}:{operation}"):
            client = self.client(service, region)
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**parameters).build_full_result()
            return getattr(client, operation)(**parameters)

    def client(self, service: str, region: str | None = None, endpoint_url: str | None = None) -> Any:
        """For those that also write; use it within `told`."""
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
        place = region or self.region or "us-east-1"
        return self.session.client(service, region_name=place, config=config, endpoint_url=endpoint_url)


@contextmanager
def told(call: str) -> Iterator[None]:
    """What AWS refuses in the block, or cannot be asked, is raised as CannotLook of that call."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as err:
        raise CannotLook(call, err.response["Error"]["Code"], err.response["Error"].get("Message", "")) from err
    except BotoCoreError as err:
        raise CannotLook(call, type(err).__name__, str(err)) from err


def own_account(region: str | None) -> Account:
    """With the credentials that the AWS CLI would use. Raises CannotLook: no boto3 here, or no such profile."""
    try:
        import boto3
    except ImportError as err:
        raise CannotLook("AWS", "boto3 is not installed", "pip install boto3") from err
    from botocore.exceptions import BotoCoreError

    try:
        return Account(boto3.Session(region_name=region))
    except BotoCoreError as err:
        raise CannotLook("AWS", type(err).__name__, str(err)) from err
