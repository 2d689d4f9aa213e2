"""Calls that only look, to any service of the caller's own account, with errors that can be told to people."""

from typing import Any


class CannotLook(Exception):
    """AWS did not answer a call that only reads. `code`: AWS's own, such as AccessDenied."""

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
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        name = f"{service}:{operation}"
        config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
        try:
            client = self.session.client(service, region_name=region or self.region or "us-east-1", config=config)
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**parameters).build_full_result()
            return getattr(client, operation)(**parameters)
        except ClientError as err:
            raise CannotLook(name, err.response["Error"]["Code"], err.response["Error"].get("Message", "")) from err
        except BotoCoreError as err:
            raise CannotLook(name, type(err).__name__, str(err)) from err


def own_account(region: str | None) -> Account:
    """With the credentials that the AWS CLI would use. Raises CannotLook: no boto3 here, or no such profile."""
    try:
        import boto3
    except ImportError as err:
        raise CannotLook("doctor", "boto3 is not installed", "pip install boto3") from err
    from botocore.exceptions import BotoCoreError

    try:
        return Account(boto3.Session(region_name=region))
    except BotoCoreError as err:
        raise CannotLook("doctor", type(err).__name__, str(err)) from err
