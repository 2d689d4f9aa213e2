"""What people make and revoke API keys with."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.access.service import KeyService


@cache
def build() -> "KeyService":
    from foreverus.access.service import KeyService
    from foreverus.access.store import ApiKeyStore

    env = settings.ManageKeysSettings.from_env(os.environ)
    return KeyService(ApiKeyStore(aws.items(env.keys_table_name)), aws.clock)
