"""The parameter that names the published machine image."""

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
