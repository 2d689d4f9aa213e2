"""The published image's parameter: withdrawn where it names the image, and left alone where it names another."""

from collections.abc import Callable

import boto3
import pytest

from foreverus.aws.ssm import MemoryPublishedImage, PublishedImage
from tests.unit.conftest import Aws

NAME = "/foreverus/gpu-image"


def real(published: str) -> PublishedImage:
    if published:
        boto3.client("ssm").put_parameter(Name=NAME, Type="String", Value=published)
    return PublishedImage(boto3.client("ssm"), NAME)


def value(image: PublishedImage | MemoryPublishedImage) -> str:
    if isinstance(image, MemoryPublishedImage):
        return image.published
    found = boto3.client("ssm").get_parameters(Names=[NAME])["Parameters"]
    return found[0]["Value"] if found else ""


@pytest.mark.parametrize("make", [real, MemoryPublishedImage], ids=["real", "memory"])
@pytest.mark.parametrize(
    ("published", "withdrawn", "left"),
    [("ami-1", True, ""), ("ami-2", False, "ami-2"), ("", False, "")],
    ids=["published", "another is", "none is"],
)
def test_only_that_image_is_withdrawn(
    aws: Aws, make: Callable[[str], PublishedImage], published: str, withdrawn: bool, left: str
) -> None:
    image = make(published)
    assert image.withdraw("ami-1") is withdrawn
    assert value(image) == left
    assert image.withdraw("ami-1") is False, "twice is the same"
