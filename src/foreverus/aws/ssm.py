"""Parameter Store: the parameter that names the published machine image, and passwords that are seldom used.

A SecureString costs nothing; Secrets Manager takes US$ 0.40 a month for each secret."""

from collections.abc import Iterable
from typing import Any


class PublishedImage:
    def __init__(self, ssm: Any, parameter: str):
        self.ssm = ssm
        self.parameter = parameter

    def withdraw(self, image_id: str) -> bool:
        """Whether it was published until now. Another image that was published meanwhile stays. Raises ClientError."""
        try:
            published = self.ssm.get_parameter(Name=self.parameter)["Parameter"]["Value"]
            if published != image_id:
                return False
            self.ssm.delete_parameter(Name=self.parameter)
        except self.ssm.exceptions.ParameterNotFound:
            return False
        return True


class MemoryPublishedImage:
    """Twin of `PublishedImage`."""

    def __init__(self, published: str = "") -> None:
        self.published = published

    def withdraw(self, image_id: str) -> bool:
        if not image_id or self.published != image_id:
            return False
        self.published = ""
        return True


class SecureParameters:
    """Passwords, as SecureStrings under the account's own key for Parameter Store."""

    def __init__(self, ssm: Any):
        self.ssm = ssm

    def get(self, name: str) -> str:
        """Raises ClientError, also where there is none."""
        return str(self.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def make(self, name: str, value: str) -> None:
        """Keeps what is there: whoever makes it once more changes nothing."""
        try:
            self.ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=False)
        except self.ssm.exceptions.ParameterAlreadyExists:
            return

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self.ssm.delete_parameter(Name=name)
            except self.ssm.exceptions.ParameterNotFound:
                continue
