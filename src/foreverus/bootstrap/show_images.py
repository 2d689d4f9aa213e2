"""Who lends a GPU's worker the images of a question, or of a batch's line."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.chats import ShowImagesSettings

if TYPE_CHECKING:
    from foreverus.batches.shards.lending import LineImageAddresses
    from foreverus.conversations.lending import ImageAddresses


@cache
def build() -> "ImageAddresses":
    from foreverus.conversations.lending import ImageAddresses

    env = ShowImagesSettings.from_env(os.environ)
    return aws.lasting(ImageAddresses(aws.items(env.table_name), aws.objects(env.data_bucket)))


@cache
def of_lines() -> "LineImageAddresses":
    from foreverus.batches.shards.lending import LineImageAddresses

    env = ShowImagesSettings.from_env(os.environ)
    return aws.lasting(LineImageAddresses(aws.items(env.table_name), aws.objects(env.data_bucket)))
