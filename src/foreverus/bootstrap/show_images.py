"""Who lends a GPU's worker the images of a question."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.chats import ShowImagesSettings

if TYPE_CHECKING:
    from foreverus.conversations.lending import ImageAddresses


@cache
def build() -> "ImageAddresses":
    from foreverus.conversations.lending import ImageAddresses

    env = ShowImagesSettings.from_env(os.environ)
    return aws.lasting(ImageAddresses(aws.items(env.table_name), aws.objects(env.data_bucket)))
